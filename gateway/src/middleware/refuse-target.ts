import { Problem } from '@portico/runtime/problems.ts';
import type { RequestHandler } from 'express';

const maxTargetLength = 8_000;

/**
 * Segments of unreserved characters, sub-delimiters, `:`, `@` (RFC 3986 section 3.3) and percent-encoded bytes. No `;`:
 * some servers cut a segment there, so `..;` is a dot segment to them.
 */
const plainPath = /^(?:\/(?:[\w\-.~!$&'()*+,=:@]|%[0-9A-Fa-f]{2})+)*\/?$/;
const dotSegment = /\/\.{1,2}(?:\/|$)/;
/** Encoded, but read as another path by whoever decodes first: control bytes, `%`, `.`, `/`, `;` and `\`. */
const unclearEncoding = /%(?:[01][0-9a-f]|25|2e|2f|3b|5c|7f)/i;
/** Visible ASCII, all that a query holds once it is encoded, and what browsers leave as it is. No fragment. */
const plainQuery = /^[!-"$-~]*$/;

/** Lets through only targets that everyone behind reads as the same path; that path is forwarded as it is. */
export const refuseTarget: RequestHandler = (req, _res, next) => {
  checkTarget(req.url);
  next();
};

/** @throws Problem that says what is wrong with the target */
export function checkTarget(target: string): void {
  if (target.length > maxTargetLength) {
    throw new Problem('uri-too-long', `The path and query may have ${maxTargetLength} characters together.`);
  }
  const path = pathOf(target);
  if (!isClearPath(path)) {
    throw new Problem(
      'invalid-request',
      'The path has to be absolute and unambiguous: no empty or dot segments, no backslash, no ";", and no ' +
        'percent-encoding that is invalid, not UTF-8, or stands for one of these, "/", "%" or a control character.',
    );
  }
  if (!plainQuery.test(target.slice(path.length))) {
    throw new Problem('invalid-request', 'The query has characters that have to be percent-encoded.');
  }
}

/** The path of a request target in origin form, not decoded. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

function isClearPath(path: string): boolean {
  if (!plainPath.test(path) || path === '' || dotSegment.test(path)) return false;
  return !path.includes('%') || (!unclearEncoding.test(path) && isUtf8(path));
}

function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
