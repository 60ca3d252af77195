import { refuseInput } from '../errors/refusals.ts';

/** What an id of the graph names: a type of the schema, and the id that its service knows. */
export interface GlobalId {
  readonly type: string;
  readonly id: string;
}

/** An id that is unique in the whole graph (GraphQL Global Object Identification): base64url of `Product:p1`. */
export function toGlobalId(type: string, id: string): string {
  return Buffer.from(`${type}:${id}`).toString('base64url');
}

/**
 * What a global id names, whether it exists or not.
 * @throws GraphQLError `BAD_USER_INPUT` for anything that `toGlobalId` can't have made.
 */
export function fromGlobalId(globalId: string): GlobalId {
  const named = readGlobalId(globalId);
  if (named === undefined)
    throw refuseInput('An id is one that this API has given, such as "UHJvZHVjdDpwMQ".');
  return named;
}

/** As `fromGlobalId`, but undefined for what isn't a global id. */
export function readGlobalId(globalId: string): GlobalId | undefined {
  const text = Buffer.from(globalId, 'base64url').toString('utf8');
  const [, type, id] = /^([A-Za-z]+):([\w.-]{1,128})$/.exec(text) ?? [];
  // Decoding skips what isn't base64url, so only the way back shows that nothing was skipped.
  if (type === undefined || id === undefined || toGlobalId(type, id) !== globalId) return undefined;
  return { type, id };
}
