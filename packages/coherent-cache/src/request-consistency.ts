import type { ChangeNode } from '@portico/change-stream/node/change-node.ts';
import type { RequestConsistency, RequestContext } from '@portico/runtime/request-context.ts';
import Type from 'typebox';
import type { CachedServiceOptions } from './cached-service.ts';
import {
  type ClientRequirement,
  foldRequirement,
  mergeRequirements,
  nothingRequired,
} from './client-requirement.ts';
import { readCommitId, readToken, writeToken } from './consistency-token.ts';
import type { CacheRead } from './read-cache.ts';

/** The setting of a process that gives and takes tokens. */
export const consistencySettings = {
  /** What tokens are signed with; the same for all that answer the same clients. Without it there are no tokens. */
  PORTICO_TOKEN_KEY: Type.Optional(
    Type.String({ minLength: 32, maxLength: 256, description: 'a secret of 32 characters or more' }),
  ),
};

export interface ConsistencyOptions {
  readonly key: string;
  /** What this process knows of changes; commits stay as they are without it. */
  readonly node?: ChangeNode | undefined;
  readonly now?: () => number;
}

/** `Portico-Consistency`: what clients have to see, from request to answer. */
export interface Consistency {
  /** Begins the account of a request, with the token that it came with; or with several, of all who get its answer. */
  readonly begin: (context: RequestContext, ...tokens: readonly (string | undefined)[]) => void;
  /** How the services of the process hear of it. */
  readonly reading: Required<Pick<CachedServiceOptions, 'requirementOf' | 'onRead' | 'onCommit'>>;
}

export function createConsistency({ key, node, now = Date.now }: ConsistencyOptions): Consistency {
  return {
    begin: (context, ...tokens) => {
      const known = { key, now: now(), epoch: node?.applied?.epoch };
      const required = tokens
        .map((token = '') => readToken(token, known) ?? nothingRequired)
        .reduce(mergeRequirements, nothingRequired);
      context.consistency = new Account(required, (requirement) => {
        const folded = foldRequirement(requirement, node, now());
        const { position, commits, seen } = folded;
        const isNothing = position === undefined && commits.length === 0 && seen.length === 0;
        return isNothing ? undefined : writeToken(folded, key, now());
      });
    },
    reading: {
      requirementOf: (context) => accountOf(context)?.required,
      onRead: (context, read) => accountOf(context)?.addRead(read),
      onCommit: (context, source, commitId) => {
        const commit = readCommitId(commitId, source, now());
        if (commit !== undefined) accountOf(context)?.require({ ...nothingRequired, commits: [commit] });
      },
    },
  };
}

/** What one request has to see, and what its answer has shown. */
class Account implements RequestConsistency {
  /** Of the token, and of the commands of this request. */
  required: ClientRequirement;
  #shown = nothingRequired;
  readonly #write: (requirement: ClientRequirement) => string | undefined;

  constructor(required: ClientRequirement, write: (requirement: ClientRequirement) => string | undefined) {
    this.required = required;
    this.#write = write;
  }

  require(more: ClientRequirement): void {
    this.required = mergeRequirements(this.required, more);
  }

  addRead(read: CacheRead<unknown>): void {
    if (!('value' in read)) return;
    const { fence, seen = [] } = read;
    if (fence === undefined && seen.length === 0) return;
    this.#shown = mergeRequirements(this.#shown, { position: fence, commits: [], seen });
  }

  token(): string | undefined {
    return this.#write(mergeRequirements(this.required, this.#shown));
  }
}

function accountOf({ consistency }: RequestContext): Account | undefined {
  return consistency instanceof Account ? consistency : undefined;
}
