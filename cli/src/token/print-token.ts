import { parseArgs } from 'node:util';
import { findIssuer } from '../read-demo.ts';
import { explainSignIn, signIn } from './sign-in.ts';

export interface PrintTokenParts {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly write: (text: string) => void;
  readonly complain: (line: string) => void;
}

const usage = 'Usage: portico token <user> [--password <password>]';

/** `portico token <user>`: the access token alone on stdout. Gives the exit code. */
export async function printToken({ args, env, write, complain }: PrintTokenParts): Promise<number> {
  const given = readArguments(args);
  if (given === undefined) {
    complain(usage);
    return 2;
  }
  const issuer = findIssuer(env);
  try {
    write(`${await signIn({ issuer, ...given })}\n`);
    return 0;
  } catch (error) {
    complain(`portico token: ${explainSignIn(error, issuer)}`);
    return 1;
  }
}

function readArguments(args: readonly string[]): { login: string; password: string } | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { password: { type: 'string', default: 'demo' } },
    });
    const [login, ...more] = positionals;
    return login === undefined || more.length > 0 ? undefined : { login, password: values.password };
  } catch {
    return undefined;
  }
}
