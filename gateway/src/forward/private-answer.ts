/** Directives that let others than the client's own cache keep an answer (RFC 9111 section 5.2.2). */
const shared = /^(?:public|s-maxage\b.*|proxy-revalidate)$/i;

/**
 * Makes an answer one that only the client's own cache may keep, whatever the upstream says of caches.
 * @param fields names and values in turn
 */
export function makePrivate(fields: string[]): void {
  const directives: string[] = [];
  for (let index = fields.length - 2; index >= 0; index -= 2) {
    if (fields[index]?.toLowerCase() !== 'cache-control') continue;
    const [, value = ''] = fields.splice(index, 2);
    directives.unshift(...value.split(',').map((directive) => directive.trim()));
  }
  const kept = directives.filter((directive) => directive !== '' && !shared.test(directive));
  const closed = kept.some((directive) => /^(?:private|no-store)$/i.test(directive));
  fields.push('Cache-Control', [...kept, ...(closed ? [] : ['private'])].join(', '));
}
