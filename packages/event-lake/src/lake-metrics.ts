import { Counter, type Metrics } from '@portico/runtime/metrics.ts';
import type { Segment } from './segment.ts';

/** Counts what this process has brought into the lake; gives what has to be called for each segment. */
export function createLakeMetrics({ registry }: Metrics): (segment: Segment) => void {
  const counter = (name: string, help: string) =>
    new Counter({ name: `portico_lake_${name}_total`, help, registers: [registry] });
  const segments = counter('segments', 'Segments that were added to the lake');
  const records = counter('records', 'Records of the hub in these segments');
  const events = counter('events', 'Events of these records');
  const bytes = counter('bytes', 'Size of these segments on the disk');
  return (segment) => {
    segments.inc();
    records.inc(segment.last - segment.first + 1);
    events.inc(segment.events);
    bytes.inc(segment.bytes);
  };
}
