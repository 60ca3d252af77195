import assert from 'node:assert/strict';
import type { Ask, Somebody } from './asks.fixture.ts';
import { type Answered, type Outcome, outcomes } from './judge.fixture.ts';
import type { Levels } from './start-front.fixture.ts';

/** How many of what. */
export interface Tally {
  answers: number;
  /** The answers of a batch have one together. */
  requests: number;
  readonly outcomes: Record<Outcome, number>;
  /** By the name of what was asked. */
  readonly asked: Record<string, number>;
  /** Requests that `Cache-Status` calls a hit, of users and of visitors. */
  readonly hits: Record<'own' | 'public', number>;
  readonly levels: Levels;
  aborted: number;
  retries: number;
  signIns: number;
}

export function createTally(levels: Levels): Tally {
  const none = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  const nothing = { answers: 0, requests: 0, aborted: 0, retries: 0, signIns: 0 };
  return { ...nothing, outcomes: none, asked: {}, hits: { own: 0, public: 0 }, levels };
}

/** Counts what an answer was, or all in a batch. */
export function count(
  tally: Tally,
  ask: Ask,
  { customer }: Somebody,
  { fields }: Answered,
  found: readonly Outcome[],
): void {
  tally.requests += 1;
  tally.answers += found.length;
  for (const [at, outcome] of found.entries()) {
    const { name } = ask.parts?.[at] ?? ask;
    tally.outcomes[outcome] += 1;
    tally.asked[name] = (tally.asked[name] ?? 0) + 1;
  }
  const isHit = String(fields['cache-status']).includes('; hit');
  if (isHit) tally.hits[customer === undefined ? 'public' : 'own'] += 1;
}

type Counts = number | { readonly [name: string]: Counts };

/** What several processes have counted. */
export function sumUp(all: readonly Tally[]): Tally {
  return (all as unknown as readonly Counts[]).reduce(add) as unknown as Tally;
}

function add(one: Counts, other: Counts): Counts {
  if (typeof one === 'number' || typeof other === 'number') return (one as number) + (other as number);
  const sum: Record<string, Counts> = { ...one };
  for (const [name, more] of Object.entries(other)) {
    const known = sum[name];
    sum[name] = known === undefined ? more : add(known, more);
  }
  return sum;
}

/** What has not happened by now: a level of the caches that gave nothing, an outcome that no answer had. */
export function missingOf({ outcomes, hits, levels, aborted }: Tally): string[] {
  const wanted: Record<string, number | undefined> = { ...outcomes, aborted };
  for (const whose of ['own', 'public'] as const) {
    wanted[`${whose} hit`] = hits[whose];
    for (const level of Object.keys(levels[whose])) wanted[`${whose} ${level}`] = levels[whose][level];
  }
  return Object.keys(wanted).filter((name) => (wanted[name] ?? 0) === 0);
}

/** Throws where something has not happened: then nothing is shown of it. */
export function assertAllHappened(tally: Tally): void {
  assert.deepEqual(missingOf(tally), []);
  const { answers, outcomes, levels, retries, signIns } = tally;
  assert.equal(levels.own.redis, undefined, 'what is for one user stays in its process');
  assert.ok(outcomes.failed < answers / 2, `${outcomes.failed} of ${answers} answers failed`);
  assert.ok(retries > 0 && signIns > 2, `${retries} retries, ${signIns} sign-ins`);
}

/** In a line. */
export function describeTally({ answers, requests, outcomes, asked, ...more }: Tally): string {
  const { hits, levels, aborted, retries, signIns } = more;
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, found]) => `${found} ${name}`)
      .join(', ');
  return [
    `${answers} answers to ${requests} requests: ${list(outcomes)}`,
    `hits: ${list(hits)}`,
    `wholes of users by level: ${list(levels.own)}`,
    `of visitors: ${list(levels.public)}`,
    `${aborted} given up, ${retries} retries, ${signIns} sign-ins`,
    list(asked),
  ].join('; ');
}
