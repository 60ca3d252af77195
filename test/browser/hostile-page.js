/** What a page of another origin tries with the session of whoever looks at it. */

const own = { 'portico-csrf': '1' };

/**
 * @param order a mutation that the user would not want
 * @returns by attempt: `sent` where such a page learns nothing of what became of it, `refused`, or what it got to see
 */
globalThis.attack = async (shop, order) => {
  const body = JSON.stringify({ query: order });
  const subscription = encodeURIComponent('subscription { productUpdated(sku: "p1") { name } }');
  const include = { credentials: 'include' };
  const attempts = {
    'read who it is': see(`${shop}/auth/session`, include),
    'read as an own page': see(`${shop}/auth/session`, { ...include, headers: own }),
    'read by GraphQL': see(`${shop}/graphql?query=${encodeURIComponent('{ me { id } }')}`, include),
    'order as an own page': see(`${shop}/graphql`, {
      ...include,
      method: 'POST',
      headers: { ...own, 'content-type': 'application/json' },
      body,
    }),
    'order without looking': see(`${shop}/graphql`, { ...include, method: 'POST', mode: 'no-cors', body }),
    'sign out without looking': see(`${shop}/auth/logout`, { ...include, method: 'POST', mode: 'no-cors' }),
    'follow a stream': opened(
      new EventSource(`${shop}/graphql?query=${subscription}`, { withCredentials: true }),
    ),
    'open a WebSocket': opened(new WebSocket(`${shop.replace('http', 'ws')}/graphql`)),
    'sign out by an image': loaded('img', { src: `${shop}/auth/logout` }),
    'sign in by an image': loaded('img', { src: `${shop}/auth/login` }),
    'read by a script': loaded('script', { src: `${shop}/auth/session` }),
    'show its page in a frame': loaded('iframe', { src: `${shop}/` }),
    'show who it is in a frame': loaded('iframe', { src: `${shop}/auth/session` }),
    'order by a form': submitted(`${shop}/graphql`, 'text/plain', body),
    'sign out by a form': submitted(`${shop}/auth/logout`, 'application/x-www-form-urlencoded', ''),
  };
  const outcomes = Object.entries(attempts).map(async ([name, outcome]) => [name, await outcome]);
  return Object.fromEntries(await Promise.all(outcomes));
};

/** Takes the whole page there, as a link or a form without a frame does. */
globalThis.lead = (method, action) => {
  const form = Object.assign(document.createElement('form'), { method, action });
  for (const [name, value] of new URL(action).searchParams) {
    form.append(Object.assign(document.createElement('input'), { name, value }));
  }
  document.body.append(form);
  form.submit();
};

async function see(url, init) {
  try {
    const answer = await fetch(url, init);
    return answer.type === 'opaque' ? 'sent' : `${answer.status} ${await answer.text()}`;
  } catch {
    return 'refused';
  }
}

function opened(connection) {
  return new Promise((resolve) => {
    connection.onopen = () => resolve('opened');
    connection.onerror = () => resolve('refused');
  });
}

/** A frame tells of no failure: what stands in it is looked at from outside. */
function loaded(name, attributes) {
  return new Promise((resolve) => {
    const element = Object.assign(document.createElement(name), attributes);
    element.onload = () => resolve(name === 'iframe' ? 'sent' : 'loaded');
    element.onerror = () => resolve('refused');
    document.body.append(element);
  });
}

/** The text is the name of a field, which `text/plain` sends as it is. */
function submitted(action, enctype, text) {
  const name = crypto.randomUUID();
  const form = Object.assign(document.createElement('form'), {
    method: 'post',
    action,
    enctype,
    target: name,
  });
  form.append(Object.assign(document.createElement('input'), { name: text, value: '' }));
  const answered = loaded('iframe', { name });
  document.body.append(form);
  // The frame itself is loaded first, with nothing in it.
  return answered.then(() => {
    const frame = document.querySelector(`iframe[name="${name}"]`);
    return new Promise((resolve) => {
      frame.onload = () => resolve('sent');
      form.submit();
    });
  });
}
