import type { Static, TObject } from 'typebox';
import { Compile } from 'typebox/compile';

/** A wrong setting. The message is one line: the variable, what was expected, what came. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads a process's settings once: takes the variables that `schema` names out of `env`, converts the strings to the
 * schema's types, fills in defaults, and freezes the result.
 *
 * An empty string counts as not set. Values of variables whose name or value may hold a secret are not repeated.
 * @throws ConfigError naming every variable that is wrong.
 */
export function readConfig<Schema extends TObject>(
  schema: Schema,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Static<Schema>> {
  const given: Record<string, unknown> = {};
  for (const name of Object.keys(schema.properties)) {
    if (env[name] !== undefined && env[name] !== '') given[name] = env[name];
  }
  const validator = Compile(schema);
  const settings = validator.Convert(validator.Default({ ...given }));
  if (validator.Check(settings)) return Object.freeze(settings);

  const wrong = Object.entries(schema.properties).flatMap(([name, property]) => {
    const value = (settings as Record<string, unknown>)[name];
    const missing = value === undefined && schema.required?.includes(name);
    if (missing) return [`${name} is not set: expected ${expectation(property)}`];
    if (value === undefined || Compile(property).Check(value)) return [];
    return [`${name} must be ${expectation(property)}, got ${shown(name, String(given[name]))}`];
  });
  throw new ConfigError(wrong.join('; '));
}

interface SchemaFacts {
  readonly type?: string;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly anyOf?: readonly { readonly const?: unknown }[];
}

function expectation(schema: SchemaFacts): string {
  if (schema.description !== undefined) return schema.description;
  if (schema.anyOf !== undefined) return `one of ${schema.anyOf.map((choice) => choice.const).join(', ')}`;
  const { type = 'a value', minimum, maximum, pattern } = schema;
  const noun = type === 'boolean' ? 'true or false' : `${type === 'integer' ? 'an' : 'a'} ${type}`;
  if (minimum !== undefined && maximum !== undefined) return `${noun} from ${minimum} to ${maximum}`;
  return pattern === undefined ? noun : `${noun} that matches ${pattern}`;
}

function shown(name: string, value: string): string {
  const secret = /secret|password|token|url/i.test(name) || value.includes('@');
  return secret ? 'something else (not shown)' : JSON.stringify(value.slice(0, 80));
}
