/**
 * What clients saw from outside. Each key is a register that one writer sets to growing values, so that a value says how old
 * it is. Times are milliseconds of one steady clock.
 */
export type Event = Write | Read;

export interface Write {
  readonly kind: 'write';
  readonly key: string;
  /** Above all earlier values of this key. */
  readonly value: number;
  readonly invoked: number;
  /** When its writer knew that it was committed; null when nobody knows whether it ever was. */
  readonly acknowledged: number | null;
  readonly tokenIn?: string | undefined;
  readonly tokenOut?: string | undefined;
}

export interface Read {
  readonly kind: 'read';
  readonly client: string;
  /** The process that answered. */
  readonly at: string;
  readonly sent: number;
  readonly received: number;
  /** By key, as far as the answer had it. */
  readonly values: Readonly<Record<string, number>>;
  readonly tokenIn?: string | undefined;
  readonly tokenOut?: string | undefined;
}
