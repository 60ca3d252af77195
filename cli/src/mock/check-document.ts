import { DocumentError } from './document-error.ts';
import type { RawDocument } from './normalise-document.ts';

/**
 * Gives back a document that can be played.
 * @throws DocumentError for the first thing found that stands in the way.
 */
export function checkDocument(document: RawDocument): RawDocument {
  checkVersion(document);
  if (!isObject(document.paths) || Object.keys(document.paths).length === 0) {
    throw new DocumentError('there is nothing to play: it has no paths');
  }
  for (const [path, item] of Object.entries(document.paths)) {
    if (!path.startsWith('/')) throw new DocumentError(`the path "${path}" must begin with /`);
    if (!isObject(item)) throw new DocumentError(`the path "${path}" must be an object, got ${shown(item)}`);
  }
  checkWithin(document, document, '#');
  return document;
}

function checkVersion(document: unknown): void {
  if (!isObject(document)) {
    throw new DocumentError(`this is no OpenAPI document: expected an object, got ${shown(document)}`);
  }
  const { openapi, swagger } = document;
  if (swagger !== undefined) {
    throw new DocumentError(`this is Swagger ${swagger}; expected OpenAPI 3.0 or 3.1 (converters exist)`);
  }
  if (typeof openapi !== 'string' || !/^3\.[01](\.|$)/.test(openapi)) {
    throw new DocumentError(`"openapi" must be 3.0 or 3.1, got ${shown(openapi)}`);
  }
}

/** References must lead somewhere, and patterns must be regular expressions. */
function checkWithin(value: unknown, document: RawDocument, at: string): void {
  if (!isObject(value)) return;
  const { $ref, pattern } = value;
  if (typeof $ref === 'string' && !isExample(at)) checkReference($ref, document, at);
  if (typeof pattern === 'string' && !isRegularExpression(pattern)) {
    throw new DocumentError(`the pattern at ${at} is no regular expression: ${shown(pattern)}`);
  }
  for (const [name, part] of Object.entries(value)) {
    // Extensions have meanings of their own.
    if (name.startsWith('x-')) continue;
    checkWithin(part, document, `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }
}

function checkReference(reference: string, document: RawDocument, at: string): void {
  if (!reference.startsWith('#/')) {
    throw new DocumentError(
      `the reference at ${at} leads out of the file, to ${shown(reference)}: bundle the document first`,
    );
  }
  // Long chains are odd, endless ones are wrong.
  let target: unknown = { $ref: reference };
  for (let steps = 0; isObject(target) && typeof target.$ref === 'string'; steps += 1) {
    target = steps > 50 ? undefined : follow(target.$ref, document);
  }
  if (!isObject(target) && typeof target !== 'boolean') {
    throw new DocumentError(`the reference at ${at} leads nowhere: ${shown(reference)}`);
  }
}

function follow(reference: string, document: RawDocument): unknown {
  const steps = reference.slice(2).split('/');
  return steps.reduce<unknown>((part, step) => {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    return isObject(part) && Object.hasOwn(part, name) ? part[name] : undefined;
  }, document);
}

/** What stands in examples is data, whatever it looks like. */
function isExample(at: string): boolean {
  return /\/(example|examples)\//.test(at) && !/\/examples\/[^/]+$/.test(at);
}

function isRegularExpression(pattern: string): boolean {
  try {
    new RegExp(pattern, 'u');
    return true;
  } catch {
    return false;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80);
}
