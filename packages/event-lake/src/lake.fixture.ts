import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import type { DurableEventHub, HubRecord } from '@portico/change-stream/hub/event-hub.ts';
import { silentLogger } from '@portico/runtime/log.ts';
import { type Lake, openLakeForWriting } from './lake.ts';
import { readSegment } from './read-segment.ts';
import { runLake } from './run-lake.ts';
import type { Segment } from './segment.ts';
import { type WriteLakeOptions, writeLake } from './write-lake.ts';

/** A lake in a folder of its own, with writers that follow a hub. */
export interface LakeUnderTest extends Lake {
  readonly dir: string;
  /** Runs a writer until `stop`. */
  write(hub: DurableEventHub, overrides?: Partial<WriteLakeOptions>): RunningWriter;
  records(): Promise<HubRecord[]>;
  /** `portico lake …` on this lake. */
  portico(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  remove(): Promise<void>;
}

export interface RunningWriter {
  /** When the lake has this record. */
  until(number: number): Promise<void>;
  /** What it can't go on for, as soon as there is something. */
  problem(): Promise<string>;
  stop(): Promise<void>;
}

export async function openTestLake(): Promise<LakeUnderTest> {
  const dir = mkdtempSync(join(tmpdir(), 'portico-lake-'));
  const lake = await openLakeForWriting(dir);
  const running: RunningWriter[] = [];
  return {
    ...lake,
    dir,
    write: (hub, overrides = {}) => {
      const writer = startWriter({
        hub,
        lake,
        maxBytes: 1,
        maxAgeMs: 60_000,
        log: silentLogger,
        ...overrides,
      });
      running.push(writer);
      return writer;
    },
    records: async () => {
      const all: HubRecord[] = [];
      for (const segment of lake.manifest.segments()) {
        for await (const records of readSegment(lake.folder, segment)) all.push(...records);
      }
      return all;
    },
    portico: async (...args) => {
      const output = { stdout: createSink(), stderr: createSink() };
      const code = await runLake(args, { LAKE_URL: pathToFileURL(dir).href }, output);
      return { code, stdout: output.stdout.text(), stderr: output.stderr.text() };
    },
    remove: async () => {
      await Promise.all(running.map((writer) => writer.stop()));
      lake.manifest.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function startWriter(options: WriteLakeOptions): RunningWriter {
  const stopping = new AbortController();
  let changed = Promise.withResolvers<void>();
  let sealed: Segment | undefined;
  let problem: string | undefined;
  const tell = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const onSealed = (segment: Segment) => {
    options.onSealed?.(segment);
    sealed = segment;
    tell();
  };
  const onProblem = (found: string | undefined) => {
    problem = found;
    tell();
  };
  const writing = writeLake({ ...options, onSealed, onProblem }, stopping.signal);
  return {
    until: async (number) => {
      while ((sealed?.last ?? 0) < number) await changed.promise;
    },
    problem: async () => {
      for (;;) {
        if (problem !== undefined) return problem;
        await changed.promise;
      }
    },
    stop: async () => {
      stopping.abort();
      await writing;
    },
  };
}

function createSink(): Writable & { text(): string } {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return Object.assign(sink, { text: () => Buffer.concat(chunks).toString() });
}
