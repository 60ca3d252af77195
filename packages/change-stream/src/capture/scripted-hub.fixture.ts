import type { ChangeEvent } from '@portico/contracts/events/change-event.ts';
import { unlessAborted } from '@portico/runtime/unless-aborted.ts';
import {
  type EventHub,
  type NewRecord,
  NotTheWriter,
  type Progress,
  type SourceOffset,
  type SourceWriter,
} from '../hub/event-hub.ts';

export type SaidProgress = Omit<Progress, 'number' | 'source'>;

/** A hub in the test's memory, of which capture needs the writers alone; the test reads what it holds. */
export class ScriptedHub implements Pick<EventHub, 'writer'> {
  readonly records: NewRecord[] = [];
  progress: SaidProgress | undefined;
  stored: SourceOffset | undefined;
  /** Called before each append takes place; what it throws fails the append. */
  beforeAppend: (records: readonly NewRecord[]) => Promise<void> | void = () => {};
  /** Called after an append took place; what it throws loses the answer. */
  afterAppend: () => Promise<void> | void = () => {};
  #holder: object | undefined;
  #free = Promise.withResolvers<void>();
  #changed = Promise.withResolvers<void>();

  get events(): ChangeEvent[] {
    return this.records.flatMap(({ events }) => events);
  }

  /** What `look` gives as soon as it is true, after an append. */
  async until<Found>(look: () => Found | undefined | false): Promise<Found> {
    for (;;) {
      const found = look();
      if (found !== undefined && found !== false) return found;
      await this.#changed.promise;
    }
  }

  async writer(source: string, signal: AbortSignal): Promise<SourceWriter> {
    while (this.#holder !== undefined) await unlessAborted(this.#free.promise, signal);
    const holder = {};
    this.#holder = holder;
    return {
      stored: this.stored,
      append: async (records, progress) => {
        await this.beforeAppend(records);
        if (this.#holder !== holder) throw new NotTheWriter(`somebody else writes for ${source}`);
        this.#append(records, progress);
        await this.afterAppend();
      },
      release: async () => {
        if (this.#holder === holder) this.takeAway();
      },
    };
  }

  /** Ends the writer's place, as when its lease is over. */
  takeAway(): void {
    this.#holder = undefined;
    this.#free.resolve();
    this.#free = Promise.withResolvers();
  }

  #append(records: readonly NewRecord[], progress: SaidProgress | undefined): void {
    const { stored } = this;
    const isNew = ({ log, at }: SourceOffset) => log !== stored?.log || BigInt(at) > BigInt(stored.at);
    this.records.push(...records.filter(({ offset }) => isNew(offset)));
    if (progress !== undefined) this.progress = progress;
    const last = progress?.offset ?? records.at(-1)?.offset;
    if (last !== undefined && isNew(last)) this.stored = last;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
