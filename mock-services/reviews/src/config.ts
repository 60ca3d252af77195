import { ConfigError } from '@portico/runtime/config.ts';
import { httpUrl, postgresUrl } from '@portico/runtime/process-config.ts';
import Type, { type Static } from 'typebox';

/** Both or none: without them nobody tells reviews who was forgotten. */
export const reviewsSettings = Type.Object({
  /** The hub's database, whose events of customers are followed. */
  HUB_URL: Type.Optional(postgresUrl),
  /** The customers service, asked where the hub alone can't tell who was forgotten. */
  CUSTOMERS_URL: Type.Optional(httpUrl),
});

/** @throws ConfigError when one of the two is missing */
export function toFollowUrls({
  HUB_URL,
  CUSTOMERS_URL,
}: Static<typeof reviewsSettings>): { readonly hubUrl: string; readonly customersUrl: string } | undefined {
  if (HUB_URL === undefined) return undefined;
  if (CUSTOMERS_URL === undefined)
    throw new ConfigError('CUSTOMERS_URL is not set: expected an http:// or https:// URL beside HUB_URL');
  return { hubUrl: HUB_URL, customersUrl: CUSTOMERS_URL };
}
