/** Finds where the frames of a WebSocket end in a stream of bytes; nothing else is read of them. */
export interface FrameEnds {
  /** Reads on; gives the position behind the first frame that ends in `bytes`, -1 when none does. */
  read(bytes: Uint8Array): number;
  /** Whether all that was read are whole frames. */
  whole(): boolean;
}

export function createFrameEnds(): FrameEnds {
  const head = Buffer.alloc(14);
  let headBytes = 0;
  let payloadLeft = 0;

  return {
    read(bytes) {
      let first = -1;
      let position = 0;
      while (position < bytes.length) {
        if (payloadLeft > 0) {
          const count = Math.min(payloadLeft, bytes.length - position);
          payloadLeft -= count;
          position += count;
        } else {
          head[headBytes++] = bytes[position++] as number;
          const length = payloadLength(head, headBytes);
          if (length === undefined) continue;
          headBytes = 0;
          payloadLeft = length;
        }
        if (payloadLeft === 0 && headBytes === 0 && first === -1) first = position;
      }
      return first;
    },
    whole: () => headBytes === 0 && payloadLeft === 0,
  };
}

/** RFC 6455 section 5.2; undefined while the head isn't whole. */
function payloadLength(head: Buffer, headBytes: number): number | undefined {
  if (headBytes < 2) return undefined;
  const second = head[1] as number;
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const maskBytes = second & 0x80 ? 4 : 0;
  if (headBytes < 2 + lengthBytes + maskBytes) return undefined;
  if (lengthBytes === 2) return head.readUInt16BE(2);
  return lengthBytes === 8 ? head.readUInt32BE(2) * 2 ** 32 + head.readUInt32BE(6) : short;
}
