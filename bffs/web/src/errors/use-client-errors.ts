import type { RequestContext } from '@portico/runtime/request-context.ts';
import { ServiceError } from '@portico/service-client/service-error.ts';
import type { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { isUnexpected, rootCause, toClientError } from './to-client-error.ts';

/** The one place where errors become what clients see, and where those that clients can't help are logged. */
export function useClientErrors(): Plugin<object, { readonly requestContext: RequestContext }> {
  return {
    onResultProcess({ result, setResult, serverContext }) {
      if (!('errors' in result) || result.errors === undefined) return;
      const context = serverContext.requestContext;
      logErrors(result.errors, context);
      setResult({ ...result, errors: result.errors.map((error) => toClientError(error, context)) });
    },
  };
}

/** Says in the log what clients cannot help. */
export function logErrors(errors: readonly GraphQLError[], { log }: RequestContext): void {
  const failures = errors.map(rootCause).filter((cause) => cause instanceof ServiceError);
  for (const [service, failed] of Map.groupBy(failures, (failure) => failure.service)) {
    const kinds = [...new Set(failed.map(({ kind }) => kind))];
    log.warn({ service, kinds, fields: failed.length }, 'a service cost fields of a page');
  }
  for (const error of errors.filter(isUnexpected)) {
    log.error({ err: rootCause(error), path: error.path }, 'an operation failed');
  }
}
