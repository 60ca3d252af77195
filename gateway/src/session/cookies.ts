/** The cookies of a gateway that browsers reach at one origin. */
export interface CookieKind {
  readonly name: string;
  readonly set: (name: string, value: string, maxAgeS: number) => string;
  readonly clear: (name: string) => string;
}

/**
 * Whether cookies are for https is decided by where the gateway is said to be, never by the request: TLS may end before the
 * gateway, and a field that says so could be anybody's. `__Host-` keeps out cookies of other hosts and of plain http (RFC 6265bis
 * section 4.1.3.2).
 */
function cookieKind(publicUrl: string, name: string, sameSite: 'Strict' | 'Lax'): CookieKind {
  const secure = publicUrl.startsWith('https:');
  const attributes = `Path=/; HttpOnly; SameSite=${sameSite}${secure ? '; Secure' : ''}`;
  const set: CookieKind['set'] = (name, value, maxAgeS) =>
    `${name}=${value}; Max-Age=${maxAgeS}; ${attributes}`;
  return { name: secure ? `__Host-${name}` : name, set, clear: (name) => set(name, '', 0) };
}

/** Holds the session's id. No request that another site brings about has it. */
export const sessionCookie = (publicUrl: string) => cookieKind(publicUrl, 'portico', 'Strict');

/** Begins the names of those that hold a sign-in under way: the provider, another site, sends the browser back to us. */
export const signInCookie = (publicUrl: string) => cookieKind(publicUrl, 'portico-sign-in-', 'Lax');

/** Names and values of a `Cookie` field in their order (RFC 6265 section 4.2.1). */
export function readCookies(field: string | undefined): [name: string, value: string][] {
  return (field ?? '').split(';').map((pair) => {
    const text = pair.trim();
    const end = text.indexOf('=');
    return end === -1 ? ['', text] : [text.slice(0, end), text.slice(end + 1)];
  });
}
