import type { RequestHandler } from 'express';

/** What a browser may do with an answer that doesn't say so itself. */
const contentSecurityPolicy =
  "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

/** Fields that every answer has, and that no upstream changes. */
export const securityFields = [
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
  ['Referrer-Policy', 'strict-origin-when-cross-origin'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
] as const;

/** Sets the security fields, and a content security policy that an upstream's own replaces. */
export const setSecurityFields: RequestHandler = (_req, res, next) => {
  for (const [name, value] of securityFields) res.setHeader(name, value);
  res.setHeader('Content-Security-Policy', contentSecurityPolicy);
  next();
};
