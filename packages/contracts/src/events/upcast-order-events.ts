/** An event of an order as it was written, maybe long ago. */
export interface WrittenEvent {
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: object;
}

/** The version in which events of these types are written now; 1 for the others. */
export const schemaVersions: Readonly<Record<string, number>> = { 'order-placed': 2 };

type Upcast = (data: never) => object;

/** By type, what makes data of version 1, 2, … data of the next one. Pure; what is stored stays as it is. */
const upcasts: Readonly<Record<string, readonly Upcast[]>> = {
  'order-placed': [nameCurrency],
};

/** Its data as the newest schema has it. @throws TypeError for one that is newer than this program */
export function upcastOrderEvent({ type, schemaVersion, data }: WrittenEvent): object {
  if (schemaVersion > (schemaVersions[type] ?? 1))
    throw new TypeError(`${type} of version ${schemaVersion} is newer than this program`);
  const steps = (upcasts[type] ?? []).slice(schemaVersion - 1);
  return steps.reduce<object>((older, step) => step(older as never), data);
}

interface PlacedV1 {
  readonly lines: readonly {
    readonly productId: string;
    readonly quantity: number;
    readonly unitPrice: number;
  }[];
  readonly total: number;
}

/** At first all prices were numbers of euro cents. */
function nameCurrency({ lines, total }: PlacedV1) {
  const euros = (amount: number) => ({ amount, currency: 'EUR' });
  return { lines: lines.map((line) => ({ ...line, unitPrice: euros(line.unitPrice) })), total: euros(total) };
}
