/** Kills orders at every point of both sagas, while another instance stands by. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '@portico/testing/engines.ts';
import { type Program, startProgram } from '@portico/testing/program.ts';
import { startTokenIssuer, type TokenIssuer } from '@portico/testing/token-issuer.ts';
import type { Order } from './orders.fixture.ts';
import { startParticipants, type TestParticipants } from './saga/participants.fixture.ts';

/** A running instance of orders; participants know it by the address at which it asks them. */
interface Instance {
  readonly program: Program;
  readonly url: string;
  readonly admin: string;
}

let postgres: TestPostgres;
let issuer: TokenIssuer;
let participants: TestParticipants;
const instances = new Map<string, Instance>();

async function start(): Promise<void> {
  const at = await participants.open();
  const program = startProgram(new URL('./main.ts', import.meta.url), {
    DATABASE_URL: String(postgres.databases.orders),
    OIDC_ISSUER: issuer.issuer,
    ORDERS_CLIENT_SECRET: 'a secret of this test',
    CATALOG_URL: at,
    INVENTORY_URL: at,
    PAYMENTS_URL: at,
    SHIPPING_URL: at,
    LOG_LEVEL: 'error',
  });
  instances.set(at, { program, ...(await program.ready) });
}

async function ask(path: string, init: RequestInit = {}): Promise<Order> {
  const [instance] = instances.values();
  const answer = await fetch(`${instance?.url}${path}`, {
    ...init,
    headers: { ...issuer.ada, ...init.headers },
  });
  assert.ok(answer.ok, `${answer.status}`);
  return (await answer.json()) as Order;
}

async function until(number: string, holds: (order: Order) => boolean): Promise<void> {
  while (!holds(await ask(`/orders/${number}`)));
}

/**
 * Kills whoever asks for the step, when its request has come: `before` it has its effect, or `after` that.
 * @returns when it was dead, and when another one asked; in milliseconds
 */
function killAt(name: string, moment: 'before' | 'after') {
  const [killed, wentOn] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  participants.behave((key, nth, at) => {
    if (key.endsWith(name) && nth === 2) wentOn.resolve(performance.now());
    if (!key.endsWith(name) || nth > 1) return undefined;
    const victim = instances.get(at);
    instances.delete(at);
    void victim?.program.end('SIGKILL').then(() => killed.resolve(performance.now()));
    return moment === 'before' ? 'hangs' : 'lost';
  });
  return { killed: killed.promise, wentOn: wentOn.promise };
}

const place = async (paymentToken = 'tok_ok') => {
  const { number } = await ask('/orders', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
    body: JSON.stringify({ lines: [{ productId: 'p1', quantity: 2 }], paymentToken }),
  });
  return number;
};
const wholeNow = ({ version }: Order) => version === 7;
const over = ({ status }: Order) => status === 'REJECTED' || status === 'CANCELLED';

const happy = ['reserve:do', 'authorise:do', 'schedule:do', 'capture:do', 'commit:do'];
const declined = ['reserve:do', 'authorise:do', 'reserve:undo'];
const undone = ['schedule:undo', 'authorise:undo', 'reserve:undo'];
const cancelled = [...happy, ...undone];
type Story = 'happy' | 'declined' | 'cancelled';
const stories: Record<Story, readonly string[]> = { happy, declined, cancelled };
/** Every step that a saga does, with the story in which it does. */
const points: readonly (readonly [Story, string])[] = [
  ...happy.map((name) => ['happy', name] as const),
  ['declined', 'place:reserve:undo'],
  ...undone.map((name) => ['cancelled', `cancel:${name}`] as const),
];

/** @param isTried tells which of the points are tried; all when left out */
export function describeKills(isTried: (nth: number) => boolean = () => true): void {
  before(async () => {
    postgres = await startPostgres({ databases: ['orders'] });
    [issuer, participants] = [await startTokenIssuer(), await startParticipants()];
    await Promise.all([start(), start()]);
  });
  after(async () => {
    await Promise.all([...instances.values()].map(({ program }) => program.end('SIGKILL')));
    await Promise.all([participants?.close(), issuer?.close()]);
    await postgres?.stop();
  });

  const kills = points.flatMap((point) =>
    (['before', 'after'] as const).map((moment) => [...point, moment] as const),
  );
  describe('An instance of orders that is killed', () => {
    for (const [story, name, moment] of kills.filter((_, nth) => isTried(nth))) {
      it(`${moment} the effect of ${name} leaves its order to another one`, () => kill(story, name, moment));
    }

    it('with all others leaves its order to two that come up at once, with one outcome', killAll);

    it('leaves no step behind, and none for an operator', async () => {
      for (const { admin } of instances.values())
        assert.deepEqual(await (await fetch(`${admin}/sagas/parked`)).json(), { items: [] });
    });
  });
}

async function kill(story: Story, name: string, moment: 'before' | 'after'): Promise<void> {
  let number: string;
  let dying: ReturnType<typeof killAt>;
  if (story === 'cancelled') {
    number = await place();
    await until(number, wholeNow);
    dying = killAt(name, moment);
    await ask(`/orders/${number}/cancel`, { method: 'POST' });
  } else {
    dying = killAt(name, moment);
    number = await place(story === 'declined' ? 'tok_declined' : 'tok_ok');
  }
  const tookMs = (await dying.wentOn) - (await dying.killed);
  await until(number, story === 'happy' ? wholeNow : over);
  assert.ok(tookMs < 5_000, `another one went on after ${tookMs} ms`);
  assertEffects(number, stories[story]);
  await start();
}

async function killAll(): Promise<void> {
  const [placed, dead] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  participants.behave((key, nth) => {
    if (key.endsWith('reserve:do')) return placed.promise;
    if (!key.endsWith('schedule:do') || nth > 1) return undefined;
    const victims = [...instances.values()];
    instances.clear();
    void Promise.all(victims.map(({ program }) => program.end('SIGKILL'))).then(() => dead.resolve());
    return 'lost';
  });
  const number = await place();
  placed.resolve();
  await dead.promise;
  await Promise.all([start(), start()]);
  await until(number, wholeNow);
  assertEffects(number, happy);
}

function assertEffects(number: string, expected: readonly string[]): void {
  const effects = participants.effects().filter((key) => key.startsWith(`${number}-`));
  assert.deepEqual(effects.map((key) => key.slice(key.indexOf(':') + 1)).sort(), expected.toSorted());
}
