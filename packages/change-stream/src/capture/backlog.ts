import { bytesOf, type Captured } from './captured.ts';

/** Above either, whoever adds has to wait. */
const mostItems = 2_000;
const mostBytes = 8 * 1024 * 1024;
/** The most that is taken at once. */
const mostTaken = 500;

/** What was captured and is not stored yet, in order: between the stream, which waits when it is full, and the hub. */
export class Backlog {
  #items: Captured[] = [];
  #bytes = 0;
  #added = Promise.withResolvers<void>();
  #drained: PromiseWithResolvers<void> | undefined;

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** @returns when there is room again; undefined at once where there is. */
  add(item: Captured): Promise<void> | undefined {
    this.#items.push(item);
    this.#bytes += bytesOf(item);
    this.#added.resolve();
    if (this.#items.length < mostItems && this.#bytes < mostBytes) return undefined;
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  /** The first of what waits, as soon as something does. It stays until `drop`. */
  async first(): Promise<readonly Captured[]> {
    await this.#added.promise;
    return this.#items.slice(0, mostTaken);
  }

  drop(count: number): void {
    for (const item of this.#items.splice(0, count)) this.#bytes -= bytesOf(item);
    if (this.isEmpty) this.#added = Promise.withResolvers();
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}
