/** Sample calls to click: sends them, and shows the answer with its headers and the curl line that does the same. */

const pageOfProducts = `{
  products(first: 20) {
    edges { node {
      sku name price { amount currency }
      availability { inStock quantity }
      rating { average count }
      reviews(first: 2) { edges { node { stars body author { displayName } } } }
    } }
  }
}`;
const oneProduct = `{
  product(sku: "p1") {
    sku name description imageUrl category { name }
    price { amount currency } availability { inStock quantity } rating { average count }
    reviews(first: 3) { edges { node { stars body createdAt author { displayName } } } }
  }
}`;

const bestRated = `{
  products(first: 5, search: "steel", sort: RATING) {
    edges { node { sku name rating { average count } } }
  }
}`;

const followedProduct = `subscription {
  productUpdated(sku: "p1") {
    name price { amount currency } availability { inStock quantity } rating { average count }
  }
}`;

const samples = [
  { title: 'A page of 20 products', query: pageOfProducts },
  { title: 'One product for the web', query: oneProduct },
  { title: 'The best rated of a search', query: bestRated },
  { title: 'One product, live', query: followedProduct, isLive: true },
  { title: 'The phone’s home screen', path: '/api/v1/home' },
  { title: 'A page for the phone', path: '/api/v1/products?limit=10' },
  { title: 'One product for the phone', path: '/api/v1/products/p1' },
  { title: 'What an offline phone keeps', path: '/api/v1/sync?limit=10' },
];

const part = (id) => document.getElementById(id);
/** Only the answer to the latest click is shown. */
let latest = 0;
let curlText = '';
/** The stream that is followed, if one is. */
let stream;

for (const sample of samples) addSample(sample);
part('copy').addEventListener('click', copyCurl);
document.addEventListener('show-product', ({ detail }) => {
  document.getElementById('calls').scrollIntoView({ behavior: 'smooth' });
  send({ path: `/api/v1/products/${detail}` });
});
send(samples[0]);

function addSample(sample) {
  const button = document.createElement('button');
  button.type = 'button';
  const title = document.createElement('strong');
  title.textContent = sample.title;
  const line = document.createElement('code');
  const graphql = sample.isLive ? 'GET /graphql, as events' : 'POST /graphql';
  line.textContent = sample.query === undefined ? `GET ${sample.path}` : graphql;
  button.append(title, line);
  button.addEventListener('click', () => send(sample));
  sample.button = button;
  const item = document.createElement('li');
  item.append(button);
  part('samples').append(item);
}

async function send(sample) {
  const call = ++latest;
  for (const { button } of samples) button.setAttribute('aria-pressed', String(button === sample.button));
  curlText = curlLine(sample);
  part('curl').textContent = curlText;
  stream?.close();
  if (sample.isLive) return follow(sample);
  const startedAt = performance.now();
  try {
    const answer = await fetch(sample.path ?? '/graphql', requestOf(sample));
    const text = await answer.text();
    if (call === latest) showAnswer(answer, text, performance.now() - startedAt);
  } catch (error) {
    if (call !== latest) return;
    part('facts').hidden = true;
    part('body').textContent = `No answer: ${error.message}`;
  }
}

/** Shows each state as it comes. The browser comes back by itself where the stream breaks off. */
function follow({ query }) {
  stream = new EventSource(`/graphql?query=${encodeURIComponent(inOneLine(query))}`);
  const own = stream;
  let states = 0;
  const show = ({ data }) => {
    states += 1;
    showBody(data);
    showFacts({
      status: `live, state ${states}`,
      isGood: true,
      time: new Date().toLocaleTimeString(),
      text: data,
    });
  };
  part('facts').hidden = true;
  part('body').textContent = 'Waiting for the first state.';
  own.addEventListener('next', show);
  own.addEventListener('complete', () => own.close());
}

function requestOf({ query }) {
  // Who is signed in sends a cookie with it: the gateway then asks for this field, which no page of another origin can send.
  const own = { 'portico-csrf': '1' };
  if (query === undefined) return { headers: own };
  const body = JSON.stringify({ query: inOneLine(query) });
  return { method: 'POST', headers: { ...own, 'content-type': 'application/json' }, body };
}

function curlLine({ query, path, isLive }) {
  if (isLive) {
    const accept = "-H 'accept: text/event-stream'";
    return `curl -NG ${location.origin}/graphql ${accept} --data-urlencode 'query=${inOneLine(query)}'`;
  }
  if (query === undefined) return `curl -i '${location.origin}${path}'`;
  const body = JSON.stringify({ query: inOneLine(query) });
  return `curl -i ${location.origin}/graphql -H 'content-type: application/json' -d '${body}'`;
}

function inOneLine(text) {
  return text.replace(/\s+/g, ' ');
}

function showAnswer(answer, text, ms) {
  const status = `${answer.status} ${answer.statusText}`;
  showFacts({ status, isGood: answer.ok, time: `${Math.round(ms)} ms`, text });
  for (const name of ['server-timing', 'cache-status'])
    part(name).textContent = answer.headers.get(name) ?? '–';
  showBody(text);
}

function showFacts({ status, isGood, time, text }) {
  part('facts').hidden = false;
  part('status').textContent = status;
  part('status').className = isGood ? 'good' : 'bad';
  part('time').textContent = time;
  part('size').textContent = `${(new Blob([text]).size / 1024).toFixed(1)} kB`;
  for (const name of ['server-timing', 'cache-status']) part(name).textContent = '–';
}

function showBody(text) {
  part('body').replaceChildren(...coloured(pretty(text)));
  part('body').scrollTop = 0;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** JSON text as nodes, each kind of token in its colour. */
function coloured(json) {
  const tokens = json.split(/("(?:[^"\\]|\\.)*"(?:\s*:)?|-?\d[\d.eE+-]*|true|false|null)/);
  return tokens.map((token, index) => {
    if (index % 2 === 0) return document.createTextNode(token);
    const span = document.createElement('span');
    span.className = token.endsWith(':')
      ? 'key'
      : token.startsWith('"')
        ? 'string'
        : /^[-\d]/.test(token)
          ? 'number'
          : 'word';
    span.textContent = token;
    return span;
  });
}

async function copyCurl() {
  try {
    await navigator.clipboard.writeText(curlText);
    part('copy').textContent = 'Copied';
    setTimeout(() => {
      part('copy').textContent = 'Copy';
    }, 1500);
  } catch {
    // Browsers give the clipboard to https and localhost only: elsewhere the line is selected, ready for Ctrl-C.
    getSelection().selectAllChildren(part('curl'));
  }
}
