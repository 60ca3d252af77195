/**
 * The forms in which a secret may stand somewhere: as it is, escaped, in base64, and the parts of a JWT that nobody could guess.
 */
function formsOf(secret: string): string[] {
  const [, payload, signature] = /^eyJ[\w-]*\.([\w-]+)\.([\w-]+)$/.exec(secret) ?? [];
  const plain = [secret, encodeURIComponent(secret), payload, signature].filter((form) => form !== undefined);
  const encoded = [0, 1, 2].map((offset) => inBase64(secret, offset));
  return [...new Set([...plain, ...encoded, ...encoded.map(toUrlSafe)])];
}

/** What the base64 of any text has in it that has the secret `offset` bytes behind a multiple of three. */
function inBase64(secret: string, offset: number): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]);
  const whole = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString('base64');
  return whole.slice(offset === 0 ? 0 : 4);
}

const toUrlSafe = (base64: string) => base64.replaceAll('+', '-').replaceAll('/', '_');

/** Which of these secrets stand in the text, in whatever form. */
export function findSecrets(text: Buffer | string, secrets: Iterable<string>): string[] {
  const bytes = Buffer.from(text);
  return [...secrets].filter((secret) => formsOf(secret).some((form) => bytes.includes(form)));
}
