import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import openapiTypescript from 'openapi-typescript';
import {
  loadOpenApi,
  type OpenApiDocument,
  type OpenApiName,
  type OpenApiOperation,
  operationsOf,
} from './openapi.ts';

const documents = new URL('../openapi/', import.meta.url);
const names = readdirSync(documents).map((file) => file.replace(/\.yaml$/, '') as OpenApiName);

for (const name of names) {
  describe(`The document of ${name}`, () => {
    const document = loadOpenApi(name);
    const operations = operationsOf(document).map(({ operation }) => operation);

    it('is OpenAPI 3.1 by the rules of the type generator', async () => {
      assert.match(document.openapi, /^3\.1\./);
      await openapiTypescript(new URL(`${name}.yaml`, documents), { silent: true });
    });

    it('is frozen all through', () => {
      for (const part of objectsIn(document)) assert.ok(Object.isFrozen(part));
    });

    it('refers only to what it has', () => {
      for (const { $ref } of objectsIn(document)) {
        if ($ref !== undefined) assert.notEqual(follow(document, String($ref)), undefined, String($ref));
      }
    });

    it('names every operation once, in camel case', () => {
      const ids = operations.map((operation) => operation.operationId);
      assert.ok(ids.length > 0);
      assert.deepEqual(ids, [...new Set(ids)]);
      for (const id of ids) assert.match(id, /^[a-z]+([A-Z][a-z]*)*$/);
    });

    it('says of every operation what success and failure look like', () => {
      for (const operation of operations) {
        const statuses = Object.keys(operation.responses);
        assert.ok(
          statuses.some((status) => /^2\d\d$/.test(status)),
          `${operation.operationId} has no success answer`,
        );
        assert.ok(
          failureTypes(document, operation).includes('application/problem+json'),
          operation.operationId,
        );
      }
    });

    it('declares the parameters of every path, and each parameter once', () => {
      for (const { path, operation } of operationsOf(document)) {
        const { parameters = [] } = operation;
        const inPath = parameters.filter((parameter) => parameter.in === 'path');
        assert.deepEqual(
          inPath.map((parameter) => `{${parameter.name}}`),
          path.match(/\{\w+\}/g) ?? [],
        );
        assert.ok(inPath.every((parameter) => parameter.required));
        const keys = parameters.map((parameter) => `${parameter.in} ${parameter.name.toLowerCase()}`);
        assert.equal(new Set(keys).size, keys.length, `${operation.operationId} has a parameter twice`);
      }
    });

    it('writes lists in the query as one value, and says how many keys a batch takes', () => {
      for (const parameter of operations.flatMap((operation) => operation.parameters ?? [])) {
        const isList = parameter.schema.type === 'array';
        if (isList) assert.deepEqual([parameter.style, parameter.explode], ['form', false], parameter.name);
        assert.equal(parameter['x-portico-batch'], parameter.name === 'ids' ? 100 : undefined);
        if (parameter.name === 'ids') assert.equal(parameter.schema.maxItems, 100);
      }
    });

    it('has patterns that a validator can use', () => {
      for (const { pattern } of objectsIn(document)) {
        if (typeof pattern === 'string') assert.doesNotThrow(() => new RegExp(pattern, 'u'), pattern);
      }
    });

    it('lets no object have members that it does not name, but for problems', () => {
      for (const [schemaName, schema] of Object.entries(document.components.schemas)) {
        if (schema.type === 'object' && schemaName !== 'Problem') {
          assert.equal(schema.additionalProperties, false, schemaName);
        }
      }
    });
  });
}

function failureTypes(document: OpenApiDocument, operation: OpenApiOperation): string[] {
  const failure = operation.responses.default;
  if (failure === undefined) return [];
  const response = '$ref' in failure ? follow(document, failure.$ref) : failure;
  return Object.keys((response as { content?: object } | undefined)?.content ?? {});
}

/** What a `#/a/b` reference points to; undefined where there is nothing. */
function follow(document: OpenApiDocument, reference: string): unknown {
  const steps = reference.split('/').slice(1);
  return steps.reduce<unknown>(
    (part, step) => (part as Record<string, unknown> | undefined)?.[step],
    document,
  );
}

function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value as Record<string, unknown>, ...Object.values(value).flatMap(objectsIn)];
}
