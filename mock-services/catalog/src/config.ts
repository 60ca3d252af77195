import { ConfigError } from '@portico/runtime/config.ts';
import { httpUrl, postgresUrl } from '@portico/runtime/process-config.ts';
import Type, { type Static } from 'typebox';
import type { FollowReviewsOptions } from './ratings/follow-reviews.ts';

/** Both or none: without them the catalog has no order by rating. */
export const catalogSettings = Type.Object({
  /** The hub's database, whose events of reviews are folded. */
  HUB_URL: Type.Optional(postgresUrl),
  /** The reviews service, asked where the hub alone can't tell what there is. */
  REVIEWS_URL: Type.Optional(httpUrl),
});

/** @throws ConfigError when one of the two is missing */
export function toFollowOptions({
  HUB_URL,
  REVIEWS_URL,
}: Static<typeof catalogSettings>): FollowReviewsOptions | undefined {
  if (HUB_URL === undefined) return undefined;
  if (REVIEWS_URL === undefined)
    throw new ConfigError('REVIEWS_URL is not set: expected an http:// or https:// URL beside HUB_URL');
  return { hubUrl: HUB_URL, reviewsUrl: REVIEWS_URL };
}
