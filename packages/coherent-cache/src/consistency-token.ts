import { createHmac, timingSafeEqual } from 'node:crypto';
import type { AnsweredCommit, ClientRequirement } from './client-requirement.ts';

/** The most characters that a token has. */
export const maxTokenLength = 1_024;

/** An older token is none: long before, all that it asks for is seen by everybody. */
const maxAgeMs = 3_600_000;

/** So much later than now may a token be made, by the clock of another process. */
const maxAheadMs = 60_000;

/**
 * Instances come to a new epoch one after the other, each within the bound of what it may give. So long a token of another
 * epoch is one that is not reached here; then it is none.
 */
const otherEpochMs = 5_000;

export interface TokenReading {
  readonly key: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** That of the log that this process follows, where it does. */
  readonly epoch: string | undefined;
}

/**
 * The token for a client who has to see this: opaque, signed with HMAC-SHA256, at most `maxTokenLength` long. What
 * doesn't fit becomes a position that nobody reaches, so that nothing is answered from a cache that may lack it.
 */
export function writeToken(requirement: ClientRequirement, key: string, now: number): string {
  const token = sign(toText(requirement, now), key);
  if (token.length <= maxTokenLength) return token;
  const { position } = requirement;
  const unreached = { epoch: shortEpoch(position?.epoch), number: Number.MAX_SAFE_INTEGER };
  return sign(toText({ position: unreached, commits: [], seen: [] }, now), key);
}

/**
 * What the bearer of a token has to see; undefined where that is nothing that counts: a token that is too long, whose
 * signature is not ours, that is ancient, or of another epoch of the log.
 */
export function readToken(token: string, { key, now, epoch }: TokenReading): ClientRequirement | undefined {
  const [payload = '', signature = '', more] = token.split('.');
  if (token.length > maxTokenLength || more !== undefined || !isSigned(payload, signature, key))
    return undefined;
  const found = fromText(Buffer.from(payload, 'base64url').toString('utf8'));
  if (found === undefined) return undefined;
  const ageMs = now - found.madeAt;
  if (ageMs > maxAgeMs || ageMs < -maxAheadMs) return undefined;
  const { position } = found.requirement;
  const isForeign = position !== undefined && epoch !== undefined && position.epoch !== epoch;
  return isForeign && ageMs > otherEpochMs ? undefined : found.requirement;
}

/** The commit that a `Commit-Id` names; undefined for anything else, or a commit of another source. */
export function readCommitId(text: string, source: string, at: number): AnsweredCommit | undefined {
  const [, named, xid] = /^([a-z][a-z0-9-]{0,31}):([1-9][0-9]{0,19})$/.exec(text) ?? [];
  return named === source && xid !== undefined ? { source, xid, at } : undefined;
}

type Written = readonly [
  version: 1,
  madeAt: number,
  epoch: string,
  number: number | null,
  commits: readonly (readonly [source: string, xid: string, at: number])[],
  seen: readonly (readonly [source: string, at: number, below?: string])[],
];

function toText({ position, commits, seen }: ClientRequirement, madeAt: number): string {
  const written: Written = [
    1,
    madeAt,
    position?.epoch ?? '',
    position?.number ?? null,
    commits.map(({ source, xid, at }) => [source, xid, at]),
    seen.map(({ source, at, below }) => (below === undefined ? [source, at] : [source, at, below])),
  ];
  return JSON.stringify(written);
}

/** Only what we have signed comes here, but maybe another version of us. */
function fromText(text: string): { madeAt: number; requirement: ClientRequirement } | undefined {
  const [version, madeAt, epoch, number, commits, seen] = JSON.parse(text) as Written;
  if (version !== 1) return undefined;
  const requirement = {
    position: number === null ? undefined : { epoch, number },
    commits: commits.map(([source, xid, at]) => ({ source, xid, at })),
    seen: seen.map(([source, at, below]) => (below === undefined ? { source, at } : { source, at, below })),
  };
  return { madeAt, requirement };
}

function sign(text: string, key: string): string {
  const payload = Buffer.from(text).toString('base64url');
  return `${payload}.${signatureOf(payload, key).toString('base64url')}`;
}

function isSigned(payload: string, signature: string, key: string): boolean {
  const given = Buffer.from(signature, 'base64url');
  const right = signatureOf(payload, key);
  return given.length === right.length && timingSafeEqual(given, right);
}

/** The purpose is signed as well, so that nothing else that is ever signed with this key is a token. */
function signatureOf(payload: string, key: string): Buffer {
  return createHmac('sha256', key).update(`Portico-Consistency:${payload}`).digest();
}

function shortEpoch(epoch = ''): string {
  return epoch.length <= 64 ? epoch : '';
}
