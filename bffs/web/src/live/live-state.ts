import { hash } from 'node:crypto';
import type { AnsweredRead } from '@portico/coherent-cache/read-cache.ts';
import type { AnsweredOperation } from '../operation/create-operation-runner.ts';
import { writeStateId } from './state-id.ts';

/** What a subscription's subject is now, as one answer. */
export interface LiveState {
  /** As it is sent. */
  readonly text: string;
  readonly digest: string;
  /** Undefined where nobody can say up to where it is good. */
  readonly id: string | undefined;
  /** Of the log of changes that it is good in; undefined as `id`. */
  readonly epoch: string | undefined;
  /** The subject is there and could be read. */
  readonly hasData: boolean;
  /** The codes of its errors. */
  readonly codes: readonly string[];
}

interface ErrorsOf {
  readonly data?: object | null;
  readonly errors?: readonly { readonly extensions?: { readonly code?: string } }[];
}

/** @param token what its readers have to see from then on */
export function toLiveState(
  { value, fence }: AnsweredRead<AnsweredOperation>,
  token: string | undefined,
): LiveState {
  const { text, isWhole } = value;
  const digest = hash('sha256', text, 'base64url').slice(0, 22);
  // What is whole has data and no errors.
  const { data, errors = [] }: ErrorsOf = isWhole ? { data: {} } : JSON.parse(text);
  return {
    text,
    digest,
    id: fence && writeStateId({ ...fence, digest, token }),
    epoch: fence?.epoch,
    hasData: data !== null && data !== undefined,
    codes: errors.flatMap(({ extensions }) => extensions?.code ?? []),
  };
}
