import type { IncomingMessage } from 'node:http';
import { type Readable, Transform } from 'node:stream';
import { bodyTooLarge } from './forward-failure.ts';

/** So much of a body is read though nobody takes it. */
const aheadBytes = 1_048_576;

/** Whether the body of a request has a length, and so small a one that Node reads it whole, whoever takes it. */
export function isReadByItself({ headers, readableHighWaterMark }: IncomingMessage): boolean {
  return Number(headers['content-length']) < readableHighWaterMark;
}

/**
 * The body of a request, read on while its upstream does not take it: TCP tells of a client's end only behind all that
 * the client sent before.
 * @param maxBytes more of them, in a body without a length, are an error of the stream: a Problem `payload-too-large`
 */
export function readAhead(req: IncomingMessage, maxBytes: number): Readable {
  let bytes = 0;
  const body = new Transform({
    readableHighWaterMark: aheadBytes,
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      if (bytes > maxBytes) done(bodyTooLarge(maxBytes));
      else done(null, chunk);
    },
  });
  return req.pipe(body);
}
