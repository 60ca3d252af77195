/** An answer of the BFF or of its provider, as a browser gets it. */
export interface Visit {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly setCookies: readonly string[];
  readonly text: string;
}

export interface VisitOptions {
  readonly method?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly form?: URLSearchParams;
}

/** A browser's part of HTTP: cookies by host and port, and redirects one by one. */
export interface Visitor {
  readonly visit: (url: string, options?: VisitOptions) => Promise<Visit>;
  /** Follows redirects, until one leads to where `until` says. */
  readonly open: (url: string, options?: VisitOptions, until?: (url: string) => boolean) => Promise<Visit>;
  /** The cookies of an origin, by name. */
  readonly cookies: (url: string) => Map<string, string>;
  /** All answers so far. */
  readonly seen: readonly Visit[];
}

const maxRedirects = 15;
const timeoutMs = 10_000;
const maxTextLength = 1_000_000;

export function createVisitor(): Visitor {
  const jars = new Map<string, Map<string, string>>();
  const seen: Visit[] = [];
  const cookies = (url: string) => {
    const { host } = new URL(url);
    const jar = jars.get(host) ?? new Map<string, string>();
    jars.set(host, jar);
    return jar;
  };

  const visit: Visitor['visit'] = async (url, { method, fields = {}, form } = {}) => {
    const jar = cookies(url);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, {
      method: method ?? (form === undefined ? 'GET' : 'POST'),
      headers: { accept: 'text/html, application/json', ...(cookie === '' ? {} : { cookie }), ...fields },
      ...(form === undefined ? {} : { body: form }),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const setCookies = answer.headers.getSetCookie();
    for (const field of setCookies) keep(jar, field);
    const text = (await answer.text()).slice(0, maxTextLength);
    const made = { url, status: answer.status, headers: answer.headers, setCookies, text };
    seen.push(made);
    return made;
  };
  const open: Visitor['open'] = async (url, options, until = () => false) => {
    let at = await visit(url, options);
    for (let redirects = 0; redirects < maxRedirects; redirects += 1) {
      const location = at.headers.get('location');
      if (location === null) return at;
      const next = new URL(location, at.url).href;
      if (until(next)) return { ...at, url: next };
      at = await visit(next);
    }
    return at;
  };
  return { visit, open, cookies, seen };
}

function keep(jar: Map<string, string>, field: string): void {
  const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(field) ?? [];
  if (value === '' || /; *max-age=0\b/i.test(field)) jar.delete(name);
  else jar.set(name, value);
}
