import { NoSchemaIntrospectionCustomRule, validate } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** How many mistakes of one document are named. */
const maxErrors = 10;

/** Validation that names few mistakes and, unless the schema is open, tells nobody of fields that they don't know. */
export function useStrictValidation({ openSchema }: { readonly openSchema: boolean }): Plugin {
  const hideSuggestions = !openSchema;
  return {
    onValidate({ addValidationRule, setValidationFn }) {
      setValidationFn((schema, document, rules) =>
        validate(schema, document, rules, { hideSuggestions, maxErrors }),
      );
      if (!openSchema) addValidationRule(NoSchemaIntrospectionCustomRule);
    },
    onExecute({ args }) {
      Object.assign(args, { hideSuggestions });
    },
  };
}
