import type { ChangeEvent, PublicEvent } from '@portico/contracts/events/change-event.ts';
import { everythingChanged, everythingChangedEvent } from '@portico/contracts/events/change-event.ts';
import {
  type CloudEvent,
  cloudEventSource,
  cloudEventType,
  toCloudEvent,
} from '@portico/contracts/events/cloud-event.ts';
import type { DeclaredSource } from '@portico/contracts/events/declare-events.ts';
import { Problem } from '@portico/runtime/problems.ts';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';

/** The place of a commit in the log of a service that posts its events. */
export interface PostedPlace {
  /** Names the log: another one when numbers begin anew, or are given a second time. */
  readonly log: string;
  /** The number of the commit in this log: decimal digits, from 1, without a gap, in the order of commits. */
  readonly sequence: string;
}

/** One commit, whole. */
export interface PostedCommit {
  readonly sequence: bigint;
  /** Epoch milliseconds by the service's clock: every commit before that time has a lower number. */
  readonly committedAt: number;
  readonly events: readonly ChangeEvent[];
  /** The size of each event as JSON, in bytes. */
  readonly sizes: readonly number[];
}

/** All commits of before `at` have numbers up to `sequence`. */
export interface PostedProgress {
  readonly sequence: bigint;
  /** Epoch milliseconds by the service's clock. */
  readonly at: number;
}

/** What one post says, all of it about one log: commits in the order of their numbers, then how far that is. */
export interface Posted {
  readonly log: string;
  readonly commits: readonly PostedCommit[];
  readonly progress: PostedProgress | undefined;
}

/** The type of the event that says how far a source has told everything; no change has it. */
const progress = 'progress';

/** Why a service may say that anything of it has changed. */
const causes = ['truncated', 'too-large', 'not-understood'] as const;

const digits = '^(0|[1-9][0-9]{0,17})$';
const envelopeSchema = Type.Object({
  specversion: Type.Literal('1.0'),
  id: Type.String({ minLength: 1, maxLength: 200 }),
  source: Type.String(),
  type: Type.String(),
  subject: Type.Optional(Type.String({ minLength: 1, maxLength: 1_000 })),
  time: Type.String({
    pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)$',
  }),
  log: Type.String({ pattern: '^[0-9A-Za-z-]{1,64}$' }),
  sequence: Type.String({ pattern: digits }),
  commitsize: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
  data: Type.Optional(Type.Unknown()),
  traceparent: Type.Optional(Type.String({ maxLength: 100 })),
});
type Envelope = Static<typeof envelopeSchema>;
const envelope = Compile(envelopeSchema);

/** The events of a commit as CloudEvents, for a post. */
export function toPostedEvents(
  source: string,
  { log, sequence }: PostedPlace,
  committedAt: number,
  events: readonly PublicEvent[],
): readonly CloudEvent[] {
  return events.map((event, index) => {
    const id = `${log}.${sequence}.${index}`;
    const place = { log, sequence, commitsize: events.length };
    return { ...toCloudEvent({ source, committedAt }, { ...event, id }), ...place };
  });
}

/** The CloudEvent that says of a log that all commits of before `at` (epoch milliseconds) have numbers up to `sequence`. */
export function toPostedProgress(source: string, { log, sequence }: PostedPlace, at: number): object {
  return {
    specversion: '1.0',
    id: `${log}.${sequence}.${at}`,
    source: cloudEventSource(source),
    type: cloudEventType(source, progress),
    time: new Date(at).toISOString(),
    log,
    sequence,
  };
}

/**
 * What a body of CloudEvents says.
 * @param body one event or a list of them, parsed from JSON
 * @throws Problem `invalid-request` that names the event and what is wrong with it
 */
export function readPost(source: DeclaredSource, body: unknown): Posted {
  const list: readonly unknown[] = Array.isArray(body) ? body : [body];
  const envelopes = list.map((event, index) => checkEnvelope(source, event, index));
  const [first] = envelopes;
  if (first === undefined) throw invalid('The list has no events.');
  const { log } = first;
  const at = envelopes.findIndex((event) => event.type === cloudEventType(source.source, progress));
  const said = envelopes[at];
  if (said !== undefined && at !== envelopes.length - 1) throw wrong(at, 'a progress must be the last');
  const commits = toCommits(source, said === undefined ? envelopes : envelopes.slice(0, -1), log);
  if (said === undefined) return { log, commits, progress: undefined };
  const sequence = BigInt(said.sequence);
  if (said.log !== log) throw wrong(at, 'its log is another than that of the first');
  if (sequence < (commits.at(-1)?.sequence ?? 0n))
    throw wrong(at, 'it lies before a commit that it comes with');
  return { log, commits, progress: { sequence, at: Date.parse(said.time) } };
}

function checkEnvelope(source: DeclaredSource, event: unknown, index: number): Envelope {
  const [error] = envelope.Errors(event);
  if (error !== undefined) throw wrong(index, `${error.instancePath || 'it'} ${error.message}`);
  const checked = event as Envelope;
  if (checked.source !== cloudEventSource(source.source)) {
    throw wrong(index, `its source must be ${cloudEventSource(source.source)}`);
  }
  if (Number.isNaN(Date.parse(checked.time))) throw wrong(index, 'its time is no time');
  return checked;
}

function toCommits(source: DeclaredSource, envelopes: readonly Envelope[], log: string): PostedCommit[] {
  const commits: PostedCommit[] = [];
  for (let index = 0; index < envelopes.length; ) {
    const first = envelopes[index] as Envelope;
    const { sequence, commitsize = 1, time } = first;
    if (sequence === '0') throw wrong(index, 'its sequence must be at least 1');
    const same = envelopes.slice(index, index + commitsize);
    const stranger = same.findIndex(
      (event) => event.log !== log || event.sequence !== sequence || (event.commitsize ?? 1) !== commitsize,
    );
    if (stranger > -1 || same.length < commitsize) {
      throw wrong(
        index,
        `its commit must come whole: ${commitsize} events of one log, sequence and commitsize`,
      );
    }
    if (BigInt(sequence) <= (commits.at(-1)?.sequence ?? 0n)) {
      throw wrong(index, 'its sequence must be above that of the commit before it');
    }
    const events = same.map((event, nth) => toChangeEvent(source, event, index + nth));
    const sizes = events.map((event) => Buffer.byteLength(JSON.stringify(event)));
    commits.push({ sequence: BigInt(sequence), committedAt: Date.parse(time), events, sizes });
    index += commitsize;
  }
  return commits;
}

function toChangeEvent(
  source: DeclaredSource,
  { id, type, subject, data, traceparent }: Envelope,
  index: number,
): ChangeEvent {
  const prefix = cloudEventType(source.source, '');
  if (!type.startsWith(prefix)) throw wrong(index, `its type must begin with ${prefix}`);
  const event = { type: type.slice(prefix.length), key: subject ?? '', data };
  if (event.type === everythingChanged) {
    const cause = causes.find((one) => one === subject);
    if (cause === undefined) throw wrong(index, `its subject must be one of ${causes.join(', ')}`);
    return { ...everythingChangedEvent(cause), id };
  }
  const problem = source.problemOf(event);
  if (problem !== undefined) throw wrong(index, problem);
  return { ...(event as PublicEvent), id, ...(traceparent !== undefined && { traceparent }) };
}

const wrong = (index: number, problem: string) => invalid(`Event ${index + 1} of the post: ${problem}.`);
const invalid = (detail: string) => new Problem('invalid-request', detail);
