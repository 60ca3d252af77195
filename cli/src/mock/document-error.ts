/** A document that can't be played. The message is one line that says what is wrong, and where. */
export class DocumentError extends Error {
  override name = 'DocumentError';
}
