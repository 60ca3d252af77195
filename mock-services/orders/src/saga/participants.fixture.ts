/** Stands in for catalog, inventory, payments and shipping as their documents say, and misbehaves as a test tells it to. */
import {
  httpAnswer,
  reset,
  type ScriptedRequest,
  type ScriptedServer,
  type Step as Sent,
  startScriptedServer,
} from '@portico/testing/scripted-server.ts';

/**
 * What happens to a request: `down` and it is answered with 503 and has no effect; `lost`: it has its effect, and the connection
 * breaks before the answer; `hangs`: no effect, and no answer. Or something to wait for before it has its effect.
 */
export type Mishap = 'down' | 'lost' | 'hangs' | 'refused' | Promise<unknown> | undefined;

export type TestParticipants = Awaited<ReturnType<typeof startParticipants>>;

/** What inventory, payments and shipping make of a step, by what they have for the order. */
const effects: Readonly<Record<string, (had: string | undefined, token: string) => string>> = {
  'reserve:do': (had) => had ?? 'reserved',
  'reserve:undo': () => 'released',
  'commit:do': () => 'committed',
  'authorise:do': (had, token) => had ?? (token === 'tok_declined' ? 'declined' : 'authorised'),
  'authorise:undo': (had) => (had === 'captured' ? 'refunded' : 'voided'),
  'capture:do': () => 'captured',
  'schedule:do': (had) => had ?? 'scheduled',
  'schedule:undo': (had) => (had === 'shipped' ? 'shipped' : 'cancelled'),
};

export async function startParticipants() {
  /** By order and kind of thing (`o1 payments`), what became of it. */
  const things = new Map<string, string>();
  /** By the key of a step, its answer: as often as a step is sent, it has one effect. */
  const answers = new Map<string, { status: string; commit: number }>();
  const received: string[] = [];
  const authorizations = new Set<string | undefined>();
  const traceIds = new Set<string | undefined>();
  const goneProducts = new Set<string>();
  let mishap: (key: string, nth: number, url: string) => Mishap = () => undefined;

  const haveEffect = (key: string, thing: string, body: { paymentToken?: string }) => {
    const earlier = answers.get(key);
    if (earlier !== undefined) return earlier;
    const effect = effects[key.slice(key.indexOf(':') + 1)];
    if (effect === undefined) throw new Error(`no participant knows ${key}`);
    const status = effect(things.get(thing), body.paymentToken ?? '');
    const answer = { status, commit: answers.size + 1 };
    things.set(thing, status);
    answers.set(key, answer);
    return answer;
  };

  async function* serve(request: ScriptedRequest, url: string): AsyncGenerator<Sent> {
    const { target, method } = request;
    const fields = Object.fromEntries(request.fields);
    if (target.startsWith('/products')) return yield json(200, productPage(target, goneProducts));
    authorizations.add(fields.authorization);
    traceIds.add(fields.traceparent?.slice(3, 35));
    const body = JSON.parse((await request.body) || '{}');
    const [, kind = '', named] = target.split('/');
    const orderNumber = named ?? body.orderNumber;
    const thing = `${orderNumber} ${kind}`;
    if (method === 'GET') {
      const status = things.get(thing);
      return yield status === undefined ? problem(404, 'not-found') : json(200, { orderNumber, status });
    }
    const key = String(fields['idempotency-key']);
    received.push(key);
    const nth = received.filter((one) => one === key).length;
    const what = mishap(key, nth, url);
    if (what === 'down') return yield problem(503, 'unavailable');
    if (what === 'refused') return yield problem(422, 'conflict');
    if (what === 'hangs') return await request.ended;
    if (what instanceof Promise) await what;
    const { status, commit } = haveEffect(key, thing, body);
    if (what === 'lost') return yield reset;
    const reason = reasons[status];
    yield json(200, { orderNumber, status, ...(reason && { reason }) }, { 'Commit-Id': `${kind}:${commit}` });
    return undefined;
  }

  const servers: ScriptedServer[] = [];
  const open = async (): Promise<string> => {
    const server = await startScriptedServer((request) => serve(request, server.url));
    servers.push(server);
    return server.url;
  };
  return {
    url: await open(),
    /** Another address of the same, by which it can be told who asks. */
    open,
    /** The keys of steps in the order in which they were received, repeated ones as well. */
    received,
    /** The keys of the steps that had an effect, in their order. */
    effects: () => [...answers.keys()],
    /** What is there, as `o1 payments`; a test may change it. */
    things,
    authorizations,
    traceIds,
    /** Those that the catalog does not know any more. */
    goneProducts,
    /** @param next says what happens to a request, by its key, how often that came, and the address where it did */
    behave: (next: typeof mishap) => {
      mishap = next;
    },
    close: () => Promise.all(servers.map((server) => server.close())),
  };
}

const reasons: Readonly<Record<string, string>> = { refused: 'out_of_stock', declined: 'payment_declined' };

function json(status: number, body: object, fields: Record<string, string> = {}): Uint8Array {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  return httpAnswer(status, JSON.stringify(body), { 'Content-Type': type, ...fields });
}

function problem(status: number, name: string): Uint8Array {
  return json(status, {
    type: `urn:portico:problem:${name}`,
    title: name,
    status,
    detail: 'As told.',
    requestId: 'r',
  });
}

/** There are products from p1 to p99, for 49.90 € each. */
function productPage(target: string, gone: ReadonlySet<string>) {
  const ids = new URL(target, 'http://catalog').searchParams.get('ids')?.split(',') ?? [];
  const items = ids
    .filter((id) => Number(id.slice(1)) < 100 && !gone.has(id))
    .map((id) => ({
      id,
      name: `Product ${id}`,
      description: '',
      imageUrl: `/images/books/${id}.svg`,
      category: { id: 'books', name: 'Books' },
      price: { amount: 4_990, currency: 'EUR' },
      createdAt: '2025-01-01T00:00:00.000Z',
    }));
  return { items, cursors: [], next: null };
}
