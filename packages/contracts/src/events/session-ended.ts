import Type, { type Static } from 'typebox';
import { cloudEventSource, cloudEventType } from './cloud-event.ts';

const type = cloudEventType('gateway', 'session-ended');
const reasons = ['logout', 'signed-in-again', 'provider', 'operator', 'refused', 'expired'] as const;

/**
 * Why a session ended before its time: the user signed out or in again, the provider or an operator ended it, or the provider gave
 * no further access token. `expired`: there was no refresh token.
 */
export type EndReason = (typeof reasons)[number];

/** The gateway ended a session of the user `subject`, who may have others: a CloudEvent 1.0. */
export const sessionEnded = Type.Object({
  specversion: Type.Literal('1.0'),
  id: Type.String({ minLength: 1, maxLength: 200 }),
  source: Type.String({ minLength: 1 }),
  type: Type.Literal(type),
  subject: Type.String({ minLength: 1, maxLength: 1_000 }),
  time: Type.String({ format: 'date-time' }),
  datacontenttype: Type.Literal('application/json'),
  data: Type.Object({ reason: Type.Enum([...reasons]) }),
});
export type SessionEnded = Static<typeof sessionEnded>;

/** @param at epoch milliseconds */
export function toSessionEnded(id: string, subject: string, reason: EndReason, at: number): SessionEnded {
  return {
    specversion: '1.0',
    id,
    source: cloudEventSource('gateway'),
    type,
    subject,
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    data: { reason },
  };
}
