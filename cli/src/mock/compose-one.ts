import { mergeSent } from './merge-sent.ts';
import type { Compose, MockParts, MockRequest, Route } from './mock-route.ts';
import { singular } from './parameter-words.ts';
import { isThing, lastPathParameter, propertyFor, singularNames, type Thing } from './resources.ts';
import type { Shape, ShapeOf } from './schema-shapes.ts';
import { seedOf } from './seed.ts';

/** One thing, as it was asked for or sent; or a value that is no thing. */
export function composeOne(route: Route, shape: Shape, parts: MockParts): Compose {
  const { data, resources, shapeOf } = parts;
  const { path: pattern, method, operation } = route;
  const key = resources.keyOf(shape);
  const members = membersInPath(route, shape, shapeOf);
  const keyParameter = members.find(({ member }) => member === key)?.parameter;

  const base = ({ path, query, body }: MockRequest): unknown => {
    const seed = seedOf(operation.operationId, path, query, body ?? null);
    if (key === undefined) return data.value(shape.schema, seed);
    if (keyParameter !== undefined) return data.named(shape, path[keyParameter]);
    const sent = isThing(body) ? body[key] : undefined;
    // What a POST makes has a number that lists don't reach, and the same POST gets it again.
    return data.named(shape, sent ?? (method === 'post' ? 1_000 + (seed % 1_000_000) : 1));
  };

  return (request) => {
    const thing = base(request);
    if (!isThing(thing)) return thing;
    const bound = members.flatMap(({ parameter, member }) => {
      const value = request.path[parameter];
      return shapeOf(shape.properties[member] ?? {}).fits(value) ? [[member, value]] : [];
    });
    const answer = isThing(request.body) ? withSent(thing, request.body, shape, pattern, shapeOf) : thing;
    return { ...answer, ...Object.fromEntries(bound) };
  };
}

/** The members of a thing that the path's parameters speak of. */
function membersInPath({ path, method, operation }: Route, shape: Shape, shapeOf: ShapeOf) {
  const last = lastPathParameter(path, operation);
  const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
  return inPath.flatMap((parameter) => {
    const names = singularNames(parameter.name, path);
    const mayBeKey = parameter === last && !(method === 'post' && createsBelow(path));
    const wanted = mayBeKey ? names : names.filter((name) => name !== 'id');
    const member = propertyFor(parameter, shape, shapeOf, wanted);
    return member === undefined ? [] : [{ parameter: parameter.name, member }];
  });
}

/** Whether a POST to this path makes something new below what the path names, as `/pets/{id}/photos` does. */
function createsBelow(path: string): boolean {
  const segment = path.split('/').at(-1) ?? '';
  return !segment.includes('{') && singular(segment) !== segment;
}

/**
 * What was sent, in what is answered: `{ amount }` for `/products/{id}/price` goes to `price`. A value that the document
 * takes but doesn't give is left out.
 */
function withSent(answer: Thing, body: Thing, { properties }: Shape, path: string, shapeOf: ShapeOf): Thing {
  const lastSegment = path.split('/').at(-1) ?? '';
  const inPart =
    isThing(answer[lastSegment]) && !Object.keys(body).some((name) => Object.hasOwn(properties, name));
  if (inPart) return mergeSent(answer, { [lastSegment]: body });
  const known = Object.entries(body).filter(([name, value]) => {
    const member = shapeOf(properties[name] ?? {});
    return Object.hasOwn(properties, name) && (typeof value === 'object' || member.fits(value));
  });
  return mergeSent(answer, Object.fromEntries(known));
}
