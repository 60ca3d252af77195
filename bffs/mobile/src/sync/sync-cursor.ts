import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';

const whole = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** All changes up to this record are told; with `id`, of this record only those of things up to this id. */
const place = { number: whole, id: Type.Optional(Type.String({ maxLength: 64 })) };
const strictly = { additionalProperties: false };

const cursor = Type.Object(
  {
    epoch: Type.String({ minLength: 1, maxLength: 64 }),
    ...place,
    /** Everything is being told: the catalogue's cursor, empty for the first page. Changes after the place come behind that. */
    walk: Type.Optional(Type.String({ maxLength: 512 })),
    /** What was applied when a page of this sync was made: there are changes up to there that are left for later pages. */
    upTo: Type.Optional(whole),
    /** What was told since `from`, or everything, has to be told again: these parts of it were missing. */
    again: Type.Optional(
      Type.Object(
        {
          from: Type.Optional(Type.Object(place, strictly)),
          parts: Type.Array(Type.Enum(['inventory', 'reviews']), { maxItems: 2 }),
        },
        strictly,
      ),
    ),
  },
  strictly,
);

/** What a phone has, and how it goes on. */
export type SyncCursor = Static<typeof cursor>;

const validator = Compile(cursor);

/** Opaque to phones. Who makes one up is told other changes than he needs, and nothing that is not public. */
export function writeSyncCursor(value: SyncCursor): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Undefined for what this version has not written. */
export function readSyncCursor(text: string): SyncCursor | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return validator.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
