import Schema from 'typebox/schema';

/** Where a value doesn't fit its schema, and why. */
export interface SchemaError {
  /** The JSON Schema keyword that it doesn't fit; `boolean` for a schema of false. */
  readonly keyword: string;
  /** JSON pointer into the value. */
  readonly instancePath: string;
  readonly message: string;
  readonly params: {
    readonly allowedValues?: readonly unknown[];
    readonly additionalProperties?: readonly string[];
    readonly requiredProperties?: readonly string[];
  };
}

/** A compiled JSON Schema. */
export interface Validator {
  Check(value: unknown): boolean;
  /** Whether the value fits, and where it doesn't. */
  Errors(value: unknown): [boolean, SchemaError[]];
}

/** Compiles a schema of an OpenAPI 3.1 document (JSON Schema 2020-12), with the document's components in reach. */
export function compileSchema(schema: object, document: { readonly components?: object }): Validator {
  // `#/components/…` references resolve when the components hang below the same root.
  return Schema.Compile({ ...schema, components: document.components ?? {} } as object) as Validator;
}

/** Follows a JSON pointer reference (RFC 6901) inside the document. */
export function resolveReference(value: object, document: object): object {
  const reference = (value as { $ref?: unknown }).$ref;
  if (typeof reference !== 'string') return value;
  let target: unknown = document;
  for (const step of reference.replace(/^#\//, '').split('/')) {
    target = (target as Record<string, unknown> | undefined)?.[
      step.replaceAll('~1', '/').replaceAll('~0', '~')
    ];
  }
  if (typeof target !== 'object' || target === null) throw new Error(`${reference} is not in the document`);
  return resolveReference(target, document);
}
