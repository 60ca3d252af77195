/** The little of a browser that a sign-in needs: redirects one by one, and cookies. */
export interface Browser {
  /** Opens a page, following redirects until one leads to an address that begins with `until`, which isn't opened. */
  open(url: string, until: string): Promise<Page>;
  /** Sends a form, and goes on as `open` does. */
  submit(url: string, form: URLSearchParams, until: string): Promise<Page>;
  /** Loads JSON; with a form by POST. */
  load(url: string, form?: URLSearchParams): Promise<{ json: Record<string, unknown> | undefined }>;
}

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly text: string;
}

const maxRedirects = 10;
const timeoutMs = 10_000;

/** A browser without memory of earlier visits. */
export function createBrowser(fetch: typeof globalThis.fetch = globalThis.fetch): Browser {
  // One provider is all that is visited, so paths and hosts of cookies don't matter: names don't meet.
  const cookies = new Map<string, string>();

  const send = async (url: string, form?: URLSearchParams): Promise<Response> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, {
      ...(form === undefined ? {} : { method: 'POST', body: form }),
      headers: { accept: 'text/html, application/json', ...(cookie === '' ? {} : { cookie }) },
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    for (const field of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(field) ?? [];
      cookies.set(name, value);
    }
    return answer;
  };

  const follow = async (url: string, until: string, form?: URLSearchParams): Promise<Page> => {
    let answer = await send(url, form);
    let at = url;
    for (let redirects = 0; redirects < maxRedirects; redirects += 1) {
      const location = answer.headers.get('location');
      if (location === null) break;
      at = new URL(location, at).href;
      if (at.startsWith(until)) return { url: at, status: answer.status, text: '' };
      answer = await send(at);
    }
    return { url: at, status: answer.status, text: await answer.text() };
  };

  return {
    open: (url, until) => follow(url, until),
    submit: (url, form, until) => follow(url, until, form),
    load: async (url, form) => {
      const answer = await send(url, form);
      const text = await answer.text();
      try {
        return { json: JSON.parse(text) };
      } catch {
        return { json: undefined };
      }
    },
  };
}
