import { GraphQLError, Lexer, Source, TokenKind } from 'graphql';
import type { ErrorCode } from '../errors/error-codes.ts';
import type { OperationSize } from './operation-size.ts';

/** How large an operation may be, known before anything is executed. */
export interface OperationLimits extends OperationSize {
  /** Names, values and punctuation of the whole document. */
  readonly tokens: number;
}

/** Several times what the largest page of a shop needs. */
export const operationLimits: OperationLimits = {
  tokens: 1_000,
  fields: 300,
  aliases: 50,
  directives: 20,
  rootFields: 20,
  depth: 16,
  cost: 10_000,
};

type Limit = keyof OperationLimits;

const explanations: Readonly<Record<Limit, string>> = {
  tokens: 'A document may have at most # tokens',
  fields: 'A document may have at most # fields',
  aliases: 'A document may have at most # aliases',
  directives: 'A document may have at most # directives',
  rootFields: 'An operation may have at most # root fields',
  depth: 'Fields may be nested at most # levels deep',
  cost: 'An operation may cost at most #, counted in fields of the largest answer that it could have',
};

/** @throws GraphQLError `LIMIT_EXCEEDED` as soon as the document has too many tokens, however long it is. */
export function checkTokens(document: string, { tokens }: OperationLimits): void {
  const lexer = new Lexer(new Source(document));
  for (let count = 0; count <= tokens; count += 1) {
    // What is no token at all is for the parser to explain.
    if (nextKind(lexer) === TokenKind.EOF) return;
  }
  throw limitExceeded('tokens', tokens);
}

function nextKind(lexer: Lexer): TokenKind {
  try {
    return lexer.advance().kind;
  } catch {
    return TokenKind.EOF;
  }
}

/** @throws GraphQLError `LIMIT_EXCEEDED` that names the first limit that the size is above. */
export function checkSize(size: OperationSize, limits: OperationLimits): void {
  for (const [limit, actual] of Object.entries(size) as [keyof OperationSize, number][]) {
    if (!(actual <= limits[limit])) throw limitExceeded(limit, limits[limit], actual);
  }
}

function limitExceeded(limit: Limit, maximum: number, actual?: number): GraphQLError {
  const came = actual === undefined || !Number.isSafeInteger(actual) ? '' : `, this one: ${actual}`;
  const code: ErrorCode = 'LIMIT_EXCEEDED';
  return new GraphQLError(`${explanations[limit].replace('#', String(maximum))}${came}.`, {
    extensions: { code, limit, maximum },
  });
}
