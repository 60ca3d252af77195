import type { GraphQLSchema } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { checkSize, checkTokens, type OperationLimits } from './operation-limits.ts';
import { measureOperation } from './operation-size.ts';

/**
 * Refuses what is too large in the order of what finding out costs: the tokens before parsing, all else right after it
 * and before validation, some of whose rules take quadratic time.
 */
export function useOperationLimits(schema: GraphQLSchema, limits: OperationLimits): Plugin {
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source, options) => {
        checkTokens(source, limits);
        return parseFn(source, options);
      });
      // The document may come out of the cache, but with other variables it has another size.
      return ({ result, context }) => {
        if (result === null || result instanceof Error) return;
        checkSize(measureOperation(result, schema, context.params.variables ?? {}), limits);
      };
    },
  };
}
