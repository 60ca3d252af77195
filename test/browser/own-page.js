/** What a shop's own page does with the gateway; it is added to every page. */

const own = { 'portico-csrf': '1' };
const now = () => performance.timeOrigin + performance.now();

globalThis.shop = {
  /** Gives the status and the body of a GraphQL request. */
  ask: async (query, variables) => {
    const headers = { ...own, 'content-type': 'application/json' };
    const answer = await fetch('/graphql', {
      method: 'POST',
      headers,
      body: JSON.stringify({ query, variables }),
    });
    return { status: answer.status, body: await answer.json() };
  },
  statusOf: async (path) => (await fetch(path, { headers: own })).status,

  /** Follows an order; `followed` gives its events, and when the stream ended first, in epoch milliseconds. */
  follow: (number) => {
    const query = `subscription { orderUpdated(number: "${number}") { status timeline { type } } }`;
    const source = new EventSource(`/graphql?query=${encodeURIComponent(query)}`);
    const events = [];
    let endedAt = null;
    source.addEventListener('next', ({ data }) => {
      const order = JSON.parse(data).data?.orderUpdated;
      if (order) events.push(order);
    });
    source.addEventListener('error', () => {
      endedAt ??= now();
    });
    shop.followed = () => ({ events, endedAt });
  },

  /** All that pages of this origin keep, and what they show. */
  keeps: async () => {
    const databases = await Promise.all((await indexedDB.databases()).map(({ name }) => contentOf(name)));
    const names = await caches.keys();
    const kept = await Promise.all(names.map(async (name) => answersOf(await caches.open(name))));
    const stores = [{ ...localStorage }, { ...sessionStorage }];
    return JSON.stringify([document.cookie, stores, databases, kept, document.documentElement.outerHTML]);
  },
};

async function contentOf(name) {
  const database = await settled(indexedDB.open(name));
  const stores = [...database.objectStoreNames];
  if (stores.length === 0) return [];
  const transaction = database.transaction(stores);
  const all = await Promise.all(stores.map((store) => settled(transaction.objectStore(store).getAll())));
  database.close();
  return all;
}

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function answersOf(cache) {
  const answers = await cache.matchAll();
  return Promise.all(answers.map(async (answer) => [[...answer.headers], await answer.text()]));
}
