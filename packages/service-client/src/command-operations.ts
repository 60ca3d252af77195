import { type HttpMethod, type OpenApiDocument, operationsOf } from '@portico/contracts/openapi.ts';
import type { Validator } from '@portico/runtime/openapi-schema.ts';
import { answerValidator } from './read-operations.ts';

/** What a client needs to know of a command. */
export interface CommandOperation {
  /** Its document says that it takes a user, so it is sent the token of the one who asks. */
  readonly needsUser: boolean;
  /** By the status that says that the command was done; undefined where nothing comes with it. */
  readonly answers: ReadonlyMap<number, Validator | undefined>;
}

/** The commands of a document: everything that isn't a GET, by method and path. */
export function describeCommands(document: OpenApiDocument): Map<string, CommandOperation> {
  const commands = new Map<string, CommandOperation>();
  for (const { path, method, operation } of operationsOf(document)) {
    if (method === 'get') continue;
    const statuses = Object.keys(operation.responses).filter((status) => status.startsWith('2'));
    const answers = statuses.map(
      (status) => [Number(status), answerValidator(operation, status, document)] as const,
    );
    commands.set(commandKey(method, path), {
      needsUser: operation.security !== undefined,
      answers: new Map(answers),
    });
  }
  return commands;
}

/** How a command is found by its method and path. */
export function commandKey(method: HttpMethod, path: string): string {
  return `${method} ${path}`;
}
