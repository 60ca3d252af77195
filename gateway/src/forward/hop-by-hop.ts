/** The fields that `Connection` names, in lower case: they end here (RFC 9110 section 7.6.1). */
export function namedByConnection(connection: string | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  return new Set(connection.toLowerCase().split(/[\t ]*,[\t ]*/));
}
