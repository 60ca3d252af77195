import { contextOf } from '@portico/runtime/http-app.ts';
import type { ErrorRequestHandler } from 'express';

/** What a browser may do with an answer that doesn't say so itself. */
export const contentSecurityPolicy = [
  'Content-Security-Policy',
  "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
] as const;

/** Fields that every answer has, and that no upstream changes. */
export const securityFields = [
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
  ['Referrer-Policy', 'strict-origin-when-cross-origin'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
] as const;

/** The security fields, and a content security policy that an upstream's own replaces. */
export const answerFields = [...securityFields, contentSecurityPolicy] as const;

/**
 * Sets the security fields and the request's id on a refusal; a forwarded answer gets them with its head, in one go. For
 * them Node would search and check the whole head again field by field, if anything was set before.
 */
export const setFieldsOfRefusal: ErrorRequestHandler = (error, _req, res, next) => {
  if (!res.headersSent) {
    for (const [name, value] of answerFields) res.setHeader(name, value);
    res.setHeader('X-Request-Id', contextOf(res).requestId);
  }
  next(error);
};
