import { join } from 'node:path';
import { silentLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import supertest from 'supertest';
import { createMock } from './create-mock.ts';
import { readDocument } from './read-document.ts';

const contracts = join(import.meta.dirname, '../../../packages/contracts/openapi');

/** A document of another team, in `fixtures/`. */
export const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name);
/** One of our own documents. */
export const contract = (name: string) => join(contracts, `${name}.yaml`);

/** A mock of the document in `file`, which fails where an answer is not as its document says. */
export function mockOf(file: string) {
  const metrics = createMetrics('mock');
  return supertest(createMock(readDocument(file), { log: silentLogger, metrics, validateAnswers: true }));
}

export type Mock = ReturnType<typeof mockOf>;

/** The body of a GET that must succeed. */
export async function read(mock: Mock, path: string) {
  const { body } = await mock.get(path).expect(200);
  return body;
}
