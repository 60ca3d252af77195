import { Counter, Gauge, type Metrics } from '@portico/runtime/metrics.ts';

/** Where capture of a source stands. */
export type CaptureStateName = 'starting' | 'standby' | 'snapshot' | 'following' | 'away' | 'stopped';

const stateNames: readonly CaptureStateName[] = [
  'starting',
  'standby',
  'snapshot',
  'following',
  'away',
  'stopped',
];

export interface Stored {
  readonly records: number;
  readonly events: number;
  readonly bytes: number;
  /** Epoch milliseconds of the progress among it. */
  readonly committedAt: number | undefined;
}

/** What is counted of one source. */
export interface SourceCaptureMetrics {
  stored(what: Stored): void;
  notUnderstood(): void;
  state(name: CaptureStateName): void;
}

/** @param now epoch milliseconds */
export function createCaptureMetrics({ registry }: Metrics, now: () => number) {
  const registers = [registry];
  const labelNames = ['source'] as const;
  const counter = (name: string, help: string) =>
    new Counter({ name: `portico_capture_${name}_total`, help, labelNames, registers });
  const records = counter('records', 'Records that the hub has stored');
  const events = counter('events', 'Events in these records');
  const bytes = counter('bytes', 'Size of these events as JSON');
  const notUnderstood = counter('not_understood', 'Changes whose events could not be computed');
  const states = new Gauge({
    name: 'portico_capture_state',
    help: '1 for the state that capture of a source is in',
    labelNames: ['source', 'state'],
    registers,
  });
  const saidAt = new Map<string, number>();
  new Gauge({
    name: 'portico_capture_lag_seconds',
    help: 'Time since the last moment of the source whose changes the hub is known to hold',
    labelNames,
    registers,
    collect() {
      for (const [source, time] of saidAt) this.set({ source }, (now() - time) / 1000);
    },
  });

  return (source: string): SourceCaptureMetrics => ({
    stored: (what) => {
      records.inc({ source }, what.records);
      events.inc({ source }, what.events);
      bytes.inc({ source }, what.bytes);
      if (what.committedAt !== undefined) saidAt.set(source, what.committedAt);
    },
    notUnderstood: () => notUnderstood.inc({ source }),
    state: (name) => {
      for (const state of stateNames) states.set({ source, state }, state === name ? 1 : 0);
    },
  });
}
