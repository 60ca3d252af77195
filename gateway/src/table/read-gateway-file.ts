import { readFileSync } from 'node:fs';
import { ConfigError } from '@portico/runtime/config.ts';
import { compileSchema, type SchemaError } from '@portico/runtime/openapi-schema.ts';
import { isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { authPaths } from './auth-routes.ts';
import { type FileRoute, type GatewayFile, gatewayFileSchema } from './gateway-file.ts';

/** A gateway.yaml that can't be used; each line of the message says where, what was expected and what came. */
export class GatewayFileError extends ConfigError {
  override name = 'GatewayFileError';
}

type Document = ReturnType<typeof parseDocument>;
type Path = readonly (string | number)[];
/** Something that is wrong, and where: a path into the file, and the key below it that is meant, if it is one. */
interface Mistake {
  readonly path: Path;
  readonly key?: string;
  readonly message: string;
}

const maxBytes = 1_000_000;
const validator = compileSchema(gatewayFileSchema, {});

/**
 * Reads a gateway.yaml: `${NAME}` in a value is taken from `env`, defaults are filled in.
 * @throws GatewayFileError that names every mistake with line and column.
 */
export function readGatewayFile(path: string, env: NodeJS.ProcessEnv): GatewayFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new GatewayFileError(`${path}: can not be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return parseGatewayFile(text, path, env);
}

/** As `readGatewayFile`, of a text; `path` is its name in messages. */
export function parseGatewayFile(text: string, path: string, env: NodeJS.ProcessEnv): GatewayFile {
  const lines = new LineCounter();
  const fail = (mistakes: readonly { offset: number; message: string }[]) => {
    const shown = mistakes.slice(0, 20).map(({ offset, message }) => {
      const { line, col } = lines.linePos(offset);
      return `${path}:${line}:${col} ${message}`;
    });
    return new GatewayFileError(shown.join('\n'));
  };
  if (text.length > maxBytes) throw fail([{ offset: 0, message: `is larger than ${maxBytes} bytes` }]);

  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw fail(document.errors.map(({ pos, message }) => ({ offset: pos[0], message })));
  }
  const unset = fillIn(document, env);
  if (unset.length > 0) throw fail(unset);

  let given: unknown;
  try {
    given = document.toJS({ maxAliasCount: 20 });
  } catch (error) {
    throw fail([{ offset: 0, message: (error as Error).message }]);
  }
  const value = withDefaults(gatewayFileSchema as object, given ?? {});
  const mistakes = [...shapeMistakes(value), ...referenceMistakes(value)];
  if (mistakes.length > 0) {
    throw fail(
      mistakes.map(({ path: at, key, message }) => ({ offset: offsetOf(document, at, key), message })),
    );
  }
  return value as GatewayFile;
}

/** Puts the values of variables where `${NAME}` stands, and gives those that are not set. */
function fillIn(document: Document, env: NodeJS.ProcessEnv): { offset: number; message: string }[] {
  const unset: { offset: number; message: string }[] = [];
  visit(document, {
    Scalar: (key, node) => {
      if (key === 'key' || typeof node.value !== 'string') return;
      node.value = node.value.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
        const value = env[name];
        if (value === undefined) unset.push({ offset: node.range?.[0] ?? 0, message: `${name} is not set` });
        return value ?? '';
      });
    },
  });
  return unset;
}

interface Shape {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
}

/** The same with what is left out. (Typebox's own leaves out the values of records, and throws at their unknown keys.) */
function withDefaults(shape: Shape, given: unknown): unknown {
  const value = given === undefined ? structuredClone(shape.default) : given;
  if (Array.isArray(value)) {
    const { items } = shape;
    return items === undefined ? value : value.map((item) => withDefaults(items, item));
  }
  if (typeof value !== 'object' || value === null) return value;
  const filled: Record<string, unknown> = { ...value };
  for (const [pattern, inner] of Object.entries(shape.patternProperties ?? {})) {
    for (const key of Object.keys(filled)) {
      if (new RegExp(pattern).test(key)) filled[key] = withDefaults(inner, filled[key]);
    }
  }
  for (const [key, inner] of Object.entries(shape.properties ?? {})) {
    const member = withDefaults(inner, filled[key]);
    if (member !== undefined) filled[key] = member;
  }
  return filled;
}

function shapeMistakes(value: unknown): Mistake[] {
  const [, errors] = validator.Errors(value);
  return errors.flatMap((error) => toMistakes(error, value));
}

function toMistakes({ keyword, instancePath, message, params }: SchemaError, value: unknown): Mistake[] {
  const path = instancePath.split('/').slice(1).map(fromPointer);
  const name = path.length === 0 ? 'the file' : nameOf(path);
  switch (keyword) {
    // Said of the same key a second time.
    case 'boolean':
      return [];
    case 'additionalProperties':
      return (params.additionalProperties ?? []).map((key) => ({
        path,
        key,
        message: `${nameOf([...path, key])} ${whyNot(path)}`,
      }));
    case 'required':
      return (params.requiredProperties ?? []).map((key) => ({
        path,
        message: `${nameOf([...path, key])} is missing`,
      }));
    case 'enum':
      return [
        {
          path,
          message: `${name} must be one of ${params.allowedValues?.join(', ')}, got ${shownAt(value, path)}`,
        },
      ];
    case 'pattern': {
      const { description } = (schemaAt(path) ?? {}) as { description?: string };
      return [{ path, message: `${name} must be ${description ?? message}, got ${shownAt(value, path)}` }];
    }
    default:
      return [{ path, message: `${name} ${message}, got ${shownAt(value, path)}` }];
  }
}

/** What is wrong with a key: where any of a form may be, the form is. */
function whyNot(path: Path): string {
  const { patternProperties, description } = (schemaAt(path) ?? {}) as {
    patternProperties?: unknown;
    description?: string;
  };
  return patternProperties === undefined ? 'is not known here' : `can not be named here: ${description}`;
}

/** What no schema can say: that names mean something, and that nothing is said twice. */
function referenceMistakes(value: unknown): Mistake[] {
  const { upstreams, routes, jwt, oidc } = value as Readonly<Record<string, unknown>>;
  if (!Array.isArray(routes) || typeof upstreams !== 'object' || upstreams === null) return [];
  const seen = new Map<string, number>();
  const ofRoutes = routes.flatMap((route: Partial<FileRoute> | null, index) => {
    const mistakes: Mistake[] = [];
    if (typeof route?.upstream === 'string' && !Object.hasOwn(upstreams, route.upstream)) {
      const message = `routes[${index}].upstream must be one of ${Object.keys(upstreams).join(', ')}, got ${shown(route.upstream)}`;
      mistakes.push({ path: ['routes', index, 'upstream'], message });
    }
    if (route?.auth !== undefined && route.auth !== 'none' && jwt === undefined && oidc === undefined) {
      const message = `routes[${index}].auth needs a jwt or oidc block`;
      mistakes.push({ path: ['routes', index, 'auth'], message });
    }
    if (route?.scopes !== undefined && route.auth !== 'required') {
      const message = `routes[${index}].scopes needs auth: required`;
      mistakes.push({ path: ['routes', index, 'scopes'], message });
    }
    if (oidc !== undefined && Object.values(authPaths).includes(route?.path ?? '')) {
      const message = `routes[${index}].path is the gateway's own where there is an oidc block`;
      mistakes.push({ path: ['routes', index, 'path'], message });
    }
    if (oidc !== undefined && route?.requestFields?.includes('cookie')) {
      const message = `routes[${index}].requestFields can not name cookie where there is an oidc block: it holds the session`;
      mistakes.push({ path: ['routes', index, 'requestFields'], message });
    }
    if (route?.webSocket !== undefined && route.methods?.includes('GET') === false) {
      mistakes.push({
        path: ['routes', index, 'webSocket'],
        message: `routes[${index}].webSocket needs GET among the methods`,
      });
    }
    const key = `${route?.host ?? '*'} ${route?.path}`;
    const earlier = seen.get(key);
    if (earlier !== undefined) {
      mistakes.push({
        path: ['routes', index, 'path'],
        message: `routes[${index}] is there already, as routes[${earlier}]`,
      });
    }
    seen.set(key, earlier ?? index);
    return mistakes;
  });
  return [...ofRoutes, ...mistakesOfSessionEnds(upstreams, routes, oidc !== undefined)];
}

/** Of where ends of sessions are told: nobody outside may tell any. */
function mistakesOfSessionEnds(
  upstreams: object,
  routes: readonly (Partial<FileRoute> | null)[],
  hasSessions: boolean,
): Mistake[] {
  return Object.entries(upstreams).flatMap(([name, upstream]: [string, { sessionEnds?: unknown } | null]) => {
    const told = upstream?.sessionEnds;
    if (typeof told !== 'string') return [];
    const path = ['upstreams', name, 'sessionEnds'];
    if (!hasSessions) return [{ path, message: `upstreams.${name}.sessionEnds needs an oidc block` }];
    const open = routes.findIndex(
      (route) =>
        shareTarget(upstream, Object(upstreams)[route?.upstream ?? '']) && leadsTo(route ?? {}, told),
    );
    if (open === -1) return [];
    return [{ path, message: `upstreams.${name}.sessionEnds must not be where routes[${open}] leads` }];
  });
}

/** One instance may stand under several names. */
function shareTarget(one: unknown, other: unknown): boolean {
  const hostsOf = (upstream: unknown): string[] => {
    const { targets } = Object(upstream) as { readonly targets?: unknown };
    return Array.isArray(targets)
      ? targets.map((url) => (URL.canParse(String(url)) ? new URL(String(url)).host : String(url)))
      : [];
  };
  const hosts = hostsOf(other);
  return hostsOf(one).some((host) => hosts.includes(host));
}

/** Whether those behind may take a path of this route for the target: many look at neither case nor a slash at the end. */
function leadsTo({ path, methods }: Partial<FileRoute>, target: string): boolean {
  if (methods?.includes('POST') !== true || typeof path !== 'string') return false;
  const [from, to] = [path.toLowerCase(), `${target.toLowerCase()}/`];
  return from.endsWith('/*') ? to.startsWith(from.slice(0, -1)) : to === from.replace(/\/?$/, '/');
}

/** Where in the text a value, or the key of one, begins. */
function offsetOf(document: Document, path: Path, key: string | undefined): number {
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  if (key !== undefined && isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
    if (isNode(pair?.key)) return pair.key.range?.[0] ?? 0;
  }
  if (isNode(node)) return node.range?.[0] ?? 0;
  return path.length === 0 ? 0 : offsetOf(document, path.slice(0, -1), undefined);
}

function schemaAt(path: Path): unknown {
  return path.reduce<unknown>((schema, step) => {
    const { properties, items, patternProperties } = (schema ?? {}) as Record<
      string,
      Record<string, unknown>
    >;
    if (typeof step === 'number') return items;
    return properties?.[step] ?? Object.values(patternProperties ?? {})[0];
  }, gatewayFileSchema);
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, step) => (inner as Record<string | number, unknown> | undefined)?.[step],
    value,
  );
}

function fromPointer(step: string): string | number {
  return /^\d+$/.test(step) ? Number(step) : step.replaceAll('~1', '/').replaceAll('~0', '~');
}

function nameOf(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join('');
}

/** A secret is not repeated. */
function shownAt(value: unknown, path: Path): string {
  return path.at(-1) === 'clientSecret' ? 'something else (not shown)' : shown(at(value, path));
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
