import { Problem } from '@portico/runtime/problems.ts';
import type { RequestHandler } from 'express';

/** `1`, `1.4`, `1.4.0`, with a pre-release or build behind it (semver.org); the numbers and the pre-release are captured. */
const versionPattern =
  /^(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(-[0-9A-Za-z.-]{1,64})?(?:\+[0-9A-Za-z.-]{1,64})?$/;

/**
 * Refuses apps that are too old to understand the answers, before anything else is decided about their request. An app
 * that doesn't say its version is let through.
 *
 * The field `Upgrade`, which RFC 9110 wants beside 426, can only name protocols of the connection: the problem's
 * `minimumVersion` says what is needed instead.
 * @param minimum three numbers
 */
export function requireAppVersion(minimum: string): RequestHandler {
  return (req, _res, next) => {
    const given = req.headers['x-app-version'];
    if (given !== undefined && isBelow(String(given), minimum)) {
      throw new Problem(
        'upgrade-required',
        `This version of the app is too old; at least ${minimum} is needed.`,
        {
          extensions: { minimumVersion: minimum },
        },
      );
    }
    next();
  };
}

/**
 * Whether a version comes before `minimum`. A pre-release comes before its release, as semver has it.
 * @throws Problem `invalid-request` if it is no version.
 */
export function isBelow(version: string, minimum: string): boolean {
  const parts = versionPattern.exec(version);
  if (parts === null) {
    throw new Problem(
      'invalid-request',
      'The header "X-App-Version" must be a version such as 1.4.0, with an optional pre-release and build.',
    );
  }
  const needed = minimum.split('.').map(Number);
  for (const [index, least] of needed.entries()) {
    const number = Number(parts[index + 1] ?? 0);
    if (number !== least) return number < least;
  }
  return parts[4] !== undefined;
}
