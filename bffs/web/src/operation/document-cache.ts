import type { DocumentNode } from 'graphql';

/** Documents that were parsed, by their text. */
export interface DocumentCache {
  get(text: string): DocumentNode | undefined;
  set(text: string, document: DocumentNode): void;
}

/**
 * Keeps the documents that were used last, as long as their texts together are not longer than `maxLength`. What a
 * document takes in memory grows with its text: up to 300 bytes for each character, as measured on Node 24.
 */
export function createDocumentCache(maxLength: number): DocumentCache {
  // A Map keeps the order of insertion, so the first entry is the one that was not used for the longest time.
  const documents = new Map<string, DocumentNode>();
  let length = 0;

  const remove = (text: string) => {
    if (documents.delete(text)) length -= text.length;
  };
  return {
    get(text) {
      const document = documents.get(text);
      if (document !== undefined) {
        documents.delete(text);
        documents.set(text, document);
      }
      return document;
    },
    set(text, document) {
      // One that is nearly as large as the cache would drive out all others.
      if (text.length > maxLength / 10) return;
      remove(text);
      documents.set(text, document);
      length += text.length;
      for (const oldest of documents.keys()) {
        if (length <= maxLength) break;
        remove(oldest);
      }
    },
  };
}
