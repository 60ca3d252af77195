/** What an event of a live answer has shown. */
export interface Shown {
  /** All changes up to here: an epoch of the log, and a number in it. */
  readonly epoch: string;
  readonly number: number;
  /** Of the text. */
  readonly digest: string;
  /** What its reader has to see from then on; undefined where tokens are not given. */
  readonly token: string | undefined;
}

/** The id of such an event: opaque, up to 1.5 kB. */
export function writeStateId({ epoch, number, digest, token }: Shown): string {
  return Buffer.from(JSON.stringify([epoch, number, digest, token])).toString('base64url');
}

/** Undefined for what is no such id. */
export function readStateId(id: string): Shown | undefined {
  if (id.length > 4_000) return undefined;
  try {
    const [epoch, number, digest, token] = JSON.parse(Buffer.from(id, 'base64url').toString('utf8'));
    const isId = typeof epoch === 'string' && Number.isSafeInteger(number) && typeof digest === 'string';
    return isId ? { epoch, number, digest, token: typeof token === 'string' ? token : undefined } : undefined;
  } catch {
    return undefined;
  }
}
