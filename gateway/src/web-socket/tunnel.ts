import type { Socket } from 'node:net';
import { createFrameEnds } from './frame-ends.ts';

export interface TunnelOptions {
  readonly client: Socket;
  readonly upstream: Socket;
  /** What has come from each before. */
  readonly early: { readonly fromClient: Buffer; readonly fromUpstream: Buffer };
  /** Without a byte either way for this long it ends, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** The most that it may last, in milliseconds. */
  readonly maxOpenMs: number | undefined;
}

/** A close frame with the code 1001, "going away" (RFC 6455 sections 5.5.1 and 7.4.1). */
const goingAway = Buffer.from([0x88, 0x02, 0x03, 0xe9]);
/** So long may one side go on when the other has ended, or was told to. */
const lingerMs = 2_000;

/**
 * Passes the bytes of a WebSocket on both ways, no faster than they are taken.
 *  1. The end of one side is the end of the other, at once; what it still sends for a moment goes through. A side that
 *     breaks breaks the other.
 *  2. A tunnel that has to end tells the client behind a whole frame that it goes away, passes nothing more of the
 *     upstream's on, and waits for a moment for the client's own close frame, which is the upstream's to know of.
 * @returns begins step 2
 */
export function openTunnel(options: TunnelOptions): () => void {
  const { client, upstream, early } = options;
  const frames = createFrameEnds();
  let leaving = false;
  let told = false;
  let linger: NodeJS.Timeout | undefined;
  let longest: NodeJS.Timeout | undefined;

  const breakOff = () => {
    clearTimeout(linger);
    clearTimeout(longest);
    client.destroy();
    upstream.destroy();
  };
  const endSoon = () => {
    linger ??= setTimeout(breakOff, lingerMs);
  };
  const tell = () => {
    told = true;
    if (client.writable) client.write(goingAway);
  };
  const leave = () => {
    if (leaving) return;
    leaving = true;
    endSoon();
    if (frames.whole()) tell();
  };
  const toUpstream = (bytes: Buffer) => pass(bytes, client, upstream);
  const toClient = (bytes: Buffer) => {
    if (told) return;
    const end = frames.read(bytes);
    if (leaving && end !== -1) {
      pass(bytes.subarray(0, end), upstream, client);
      tell();
    } else pass(bytes, upstream, client);
  };

  client.setNoDelay(true);
  upstream.setNoDelay(true);
  upstream.setTimeout(0);
  upstream.allowHalfOpen = true;
  // Every byte comes from it or goes to it.
  client.setTimeout(options.idleTimeoutMs, leave);
  if (options.maxOpenMs !== undefined) longest = setTimeout(leave, options.maxOpenMs);
  for (const [side, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    side.on('drain', () => other.resume());
    side.on('error', () => {});
    // The moment begins when the other side has all that was sent: one that is slow has as long as its bytes move.
    side.once('end', () => other.end(endSoon));
    side.once('close', () => {
      if (!side.readableEnded || other.destroyed) breakOff();
      else if (!other.writableEnded) other.end(endSoon);
    });
  }
  if (early.fromUpstream.length > 0) toClient(early.fromUpstream);
  if (early.fromClient.length > 0) toUpstream(early.fromClient);
  upstream.on('data', toClient);
  client.on('data', toUpstream);
  client.resume();
  upstream.resume();
  return leave;
}

function pass(bytes: Buffer, from: Socket, to: Socket): void {
  if (to.writable && !to.write(bytes)) from.pause();
}
