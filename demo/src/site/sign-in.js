/** Who is signed in, and the way in or out. The browser has no token: the gateway says who it is. */

const place = document.getElementById('user');
/** Our own pages say that it is them: see the gateway's docs/sessions.md. */
const own = { 'portico-csrf': '1' };

show();
// Another tab may have signed in or out meanwhile, and a page that one goes back to shows what was.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') show();
});
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) show();
});

async function show() {
  try {
    const answer = await fetch('/auth/session', { headers: own });
    if (answer.ok) showUser(await answer.json());
    else if (answer.status === 401) showSignIn();
  } catch {
    // Without the gateway there is nothing to sign in to.
  }
}

function showSignIn() {
  const link = document.createElement('a');
  link.href = '/auth/login?returnTo=/';
  link.textContent = 'Sign in';
  place.replaceChildren(link);
}

function showUser({ name, sub }) {
  const who = document.createElement('span');
  who.textContent = name ?? sub;
  const out = document.createElement('button');
  out.type = 'button';
  out.textContent = 'Sign out';
  out.addEventListener('click', signOut);
  place.replaceChildren(who, out);
}

/** Out of the session here, and then out of the provider's, which asks first. */
async function signOut() {
  const answer = await fetch('/auth/logout', { method: 'POST', headers: own });
  if (!answer.ok) return;
  const { logoutUrl } = await answer.json();
  location.assign(logoutUrl ?? '/');
}
