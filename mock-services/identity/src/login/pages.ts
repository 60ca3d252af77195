/** HTML that needs no script, and the fields that keep it so. */

/**
 * The fields of every page.
 * @param redirectUri where the form leads in the end: browsers hold redirects against `form-action` too
 */
export function pageFields(redirectUri?: string): Readonly<Record<string, string>> {
  const target = redirectUri === undefined ? '' : ` ${sourceOf(redirectUri)}`;
  return {
    'Content-Security-Policy':
      `default-src 'none'; style-src 'self'; form-action 'self'${target}; ` +
      "base-uri 'none'; frame-ancestors 'none'",
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    // Not no-referrer: browsers would then send `Origin: null` with our own form.
    'Referrer-Policy': 'same-origin',
  };
}

export interface LoginPage {
  /** Where the form is sent. */
  readonly action: string;
  /** The app that asks for the sign-in. */
  readonly app: string;
  readonly login?: string | undefined;
  /** Why the last attempt was refused. */
  readonly refusal?: string | undefined;
}

export function loginPage({ action, app, login = '', refusal }: LoginPage): string {
  return page(
    'Sign in',
    `<h1>Sign in</h1>
      <p class="app">to go on to ${escapeHtml(app)}</p>
      ${refusal === undefined ? '' : `<p class="refusal" role="alert">${escapeHtml(refusal)}</p>`}
      <form method="post" action="${escapeHtml(action)}/login">
        <label for="login">User</label>
        <input id="login" name="login" value="${escapeHtml(login)}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="100" required${login === '' ? ' autofocus' : ''} />
        <label for="password">Password</label>
        <input id="password" name="password" type="password" autocomplete="current-password" maxlength="100" required${login === '' ? '' : ' autofocus'} />
        <button>Sign in</button>
      </form>
      ${cancelForm(action)}
      <p class="hint">The demo’s users are <code>ada</code>, <code>grace</code>, <code>c3</code> to <code>c200</code> and
        <code>root</code>; the password of each is <code>demo</code>.</p>`,
  );
}

/** For somebody who is signed in already: an app on their machine must not get tokens without them noticing. */
export function continuePage({ action, app, name }: { action: string; app: string; name: string }): string {
  return page(
    'Go on',
    `<h1>Go on as ${escapeHtml(name)}?</h1>
      <p class="app">You are signed in; ${escapeHtml(app)} asks to act for you.</p>
      <form method="post" action="${escapeHtml(action)}/continue"><button autofocus>Go on</button></form>
      <p class="hint"><a href="${escapeHtml(action)}?user=other">Somebody else</a></p>
      ${cancelForm(action)}`,
  );
}

/** Asks whether to sign out, so that no other page can have it done. @param form of the provider, without buttons */
export function signOutPage(form: string): string {
  return page(
    'Sign out',
    `<h1>Sign out?</h1>
      <p class="app">You are signed out of the apps that you used in this browser, too.</p>
      ${form}
      <button form="op.logoutForm" name="logout" value="yes" autofocus>Sign out</button>
      <button class="quiet" form="op.logoutForm">Stay signed in</button>`,
  );
}

export function signedOutPage(): string {
  return page('Signed out', '<h1>You are signed out</h1><p class="hint">You can close this page.</p>');
}

export function errorPage(detail: string): string {
  return page(
    'This did not work',
    `<h1>This did not work</h1><p role="alert">${escapeHtml(detail)}</p><p class="hint">Go back to where you came from, and begin again.</p>`,
  );
}

function cancelForm(action: string): string {
  return `<form method="post" action="${escapeHtml(action)}/cancel"><button class="quiet">Cancel</button></form>`;
}

function page(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${escapeHtml(title)} · Portico</title>
    <link rel="stylesheet" href="/login.css" />
  </head>
  <body>
    <main>
      <p class="brand">Portico</p>
      ${main}
    </main>
  </body>
</html>
`;
}

/** What `form-action` calls the place that this address leads to: an origin, or the scheme of an app. */
function sourceOf(redirectUri: string): string {
  const { protocol, origin } = new URL(redirectUri);
  return protocol === 'http:' || protocol === 'https:' ? origin : protocol;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
