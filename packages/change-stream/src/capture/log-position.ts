/** A place in PostgreSQL's log (`16/B374D848`) as a number of bytes, which can be compared. */
export function parseLsn(lsn: string): bigint {
  const [high, low] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function formatLsn(position: bigint): string {
  return `${(position >> 32n).toString(16)}/${(position & 0xffffffffn).toString(16)}`.toUpperCase();
}

/**
 * The 64-bit transaction id of a 32-bit one: the one next to `near`, a transaction of about now. PostgreSQL lets no
 * two transactions that can meet be 2^31 apart, and a slot keeps it from going on where its own would be.
 *
 * @param xid as it came, also read as a signed number.
 */
export function widenXid(xid: number, near: bigint): bigint {
  return near + BigInt.asIntN(32, BigInt(xid) - near);
}
