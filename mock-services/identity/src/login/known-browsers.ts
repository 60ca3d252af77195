import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';

/** Browsers that a user has signed in with before: they hold a cookie that says so, and nothing is kept here. */
export interface KnownBrowsers {
  /** The id of the browser with these cookies, where this user has signed in with it. */
  find(cookies: string | undefined, login: string): string | undefined;
  /** The `Set-Cookie` field for a browser that a user has just signed in with. @param id the one that it has already */
  remember(login: string, id: string | undefined): string;
}

const name = 'known-browser';
const maxAgeS = 180 * 86_400;

/** @param key signs the cookies; with another one no browser is known any more */
export function createKnownBrowsers(key: string): KnownBrowsers {
  const sign = (login: string, id: string) =>
    createHmac('sha256', key).update(`${name} ${id} ${login}`).digest();
  return {
    find: (cookies = '', login) => {
      const [, id, signature] = /(?:^|; )known-browser=([\w-]{36})\.([\w-]{43})(?:;|$)/.exec(cookies) ?? [];
      if (id === undefined || signature === undefined) return undefined;
      return timingSafeEqual(sign(login, id), Buffer.from(signature, 'base64url')) ? id : undefined;
    },
    remember: (login, id = randomUUID()) => {
      const value = `${id}.${sign(login, id).toString('base64url')}`;
      return `${name}=${value}; Max-Age=${maxAgeS}; Path=/interaction; HttpOnly; SameSite=Lax`;
    },
  };
}
