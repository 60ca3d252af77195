import { createRandom } from '@portico/runtime/seeded-random.ts';
import { Pool } from 'undici';
import { type Somebody, someAsk } from './asks.fixture.ts';
import { createHappenings } from './happenings.fixture.ts';
import { createJudge } from './judge.fixture.ts';
import { customers } from './marks.fixture.ts';
import { createPeople } from './people.fixture.ts';
import { sendAsk } from './send-ask.fixture.ts';
import { type Front, startFront } from './start-front.fixture.ts';
import { count, createTally, missingOf, type Tally } from './tally.fixture.ts';

export interface Alternation {
  /** So many, those of a batch are several; up to four times as many where not everything has happened by then. */
  readonly answers: number;
  readonly seed: number;
  /** Requests at a time. */
  readonly atOnce: number;
  /** Requests between two things that happen. */
  readonly happensEvery: number;
  /** Told of what there is by now, after each thousand requests. */
  readonly onProgress?: (tally: Tally) => void;
}

/**
 * Puts each of many questions as two users, by sessions and by tokens, and as nobody, at about the same moment, until there are as many
 * answers. Meanwhile services fail, data changes, requests are given up, and users sign out and in again.
 * @throws AssertionError for an answer with anything of somebody else
 */
export async function alternateUsers(options: Alternation): Promise<Tally> {
  const front = await startFront();
  const pool = new Pool(front.url, { connections: options.atOnce });
  try {
    return await alternate(front, pool, options);
  } finally {
    await pool.destroy();
    await front.close();
  }
}

async function alternate(front: Front, pool: Pool, options: Alternation): Promise<Tally> {
  const { answers, seed, atOnce, happensEvery, onProgress } = options;
  const people = await createPeople(front);
  const judge = createJudge(people.secrets);
  const happen = createHappenings(front, people);
  const tally = createTally(front.levels);
  /** What somebody has seen last, and the place that a sync of somebody has come to. */
  let token: string | undefined;
  let since = '';

  const ask = async (n: number) => {
    const all = people.all();
    const round = createRandom(seed * 1_000_003 + Math.floor(n / all.length));
    const what = someAsk(customers[round() < 0.5 ? 0 : 1], round, since);
    const who = all[n % all.length] as Somebody;
    const random = createRandom(seed * 999_983 + n);
    const wasOver = who.end === 'over';
    const answered = await sendAsk(pool, what, who, { random, tags: judge.tagsOf, token });
    if (answered === undefined) {
      tally.aborted += 1;
      return;
    }
    const found = judge.judge(what, who, wasOver, answered, `request ${n} of the seed ${seed}`);
    count(tally, what, who, answered, found);
    const { fields, text } = answered;
    if (what.name === 'GET sync' && found[0] === 'public' && text !== '') since = JSON.parse(text).next;
    const given = fields['portico-consistency'];
    if (typeof given === 'string') token = given;
  };

  let next = 0;
  const worker = async () => {
    while (tally.answers < answers || (tally.answers < 4 * answers && missingOf(tally).length > 0)) {
      const n = next++;
      if (n % happensEvery === 0) await happen(n / happensEvery);
      if (n % 1_000 === 999) onProgress?.(tally);
      await ask(n);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { ...tally, retries: await front.retries(), signIns: people.signIns() };
}
