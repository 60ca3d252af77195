import { Counter, type Metrics } from '@portico/runtime/metrics.ts';

export interface SessionMetrics {
  readonly started: Counter;
  readonly ended: Counter<'reason'>;
  readonly refreshes: Counter<'outcome'>;
  readonly failedSignIns: Counter<'reason'>;
  readonly told: Counter<'outcome'>;
}

/** One for a process, over all the gateways that it has had. */
export function createSessionMetrics({ registry }: Metrics): SessionMetrics {
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  return {
    started: counter('portico_sessions_started_total', 'Sign-ins that came to an end with a session'),
    ended: counter('portico_sessions_ended_total', 'Sessions that ended before their time, by why', 'reason'),
    refreshes: counter(
      'portico_session_refreshes_total',
      'Access tokens that were asked for again, by what came of it: refreshed, refused or failed',
      'outcome',
    ),
    failedSignIns: counter(
      'portico_sign_ins_failed_total',
      'Sign-ins that came back without a session',
      'reason',
    ),
    told: counter(
      'portico_session_ends_told_total',
      'Posts that told an instance behind the gateway of sessions that ended, by what came of it: told or failed',
      'outcome',
    ),
  };
}
