import { contentSecurityPolicy, securityFields } from '../middleware/security-fields.ts';

/** What becomes of the fields of an upstream's answers. */
export interface AnswerFields {
  /** Names and values in turn that every answer gets. */
  readonly own: readonly string[];
  /** What every answer gets where the upstream has no content security policy itself. */
  readonly withoutPolicy: readonly string[];
  /** Names in lower case that end here. */
  readonly withheld: ReadonlySet<string>;
}

/** Changes of a route, by names in lower case. */
export interface ChangedAnswerFields {
  readonly remove: readonly string[];
  readonly set: Readonly<Record<string, string>>;
}

/**
 * Fields that end at the gateway (RFC 9110 section 7.6.1), that it sets itself, or that tell what runs behind it. Which other origins
 * may read answers (CORS) is said by routes, in `answerFields.set`, and by nobody behind.
 */
const neverPassedOn = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'server',
  'via',
  'x-powered-by',
  'x-request-id',
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
  'access-control-allow-private-network',
  'access-control-expose-headers',
  'access-control-max-age',
  ...securityFields.map(([name]) => name.toLowerCase()),
];

/** The security fields, but those that the route sets or removes; and what it sets, in place of the upstream's. */
export function createAnswerFields({ remove, set }: ChangedAnswerFields): AnswerFields {
  const changed = new Set([...remove, ...Object.keys(set)]);
  const unchanged = ([name]: readonly [string, string]) => !changed.has(name.toLowerCase());
  return {
    own: [...securityFields.filter(unchanged), ...Object.entries(set)].flat(),
    withoutPolicy: unchanged(contentSecurityPolicy) ? contentSecurityPolicy : [],
    withheld: new Set([...neverPassedOn, ...changed]),
  };
}

export const usualAnswerFields = createAnswerFields({ remove: [], set: {} });
