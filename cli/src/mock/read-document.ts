import { readFileSync } from 'node:fs';
import type { OpenApiDocument } from '@portico/contracts/openapi.ts';
import { parseDocument } from 'yaml';
import { checkDocument } from './check-document.ts';
import { DocumentError } from './document-error.ts';
import { normaliseDocument, type RawDocument } from './normalise-document.ts';

/**
 * Reads the OpenAPI 3.0 or 3.1 document in `file`, YAML or JSON, as one of 3.1.
 * @throws DocumentError with one line.
 */
export function readDocument(file: string): OpenApiDocument {
  try {
    const raw = checkDocument(parse(readText(file)));
    return normaliseDocument(raw);
  } catch (error) {
    if (error instanceof DocumentError) throw new DocumentError(`${file}: ${error.message}`);
    throw error;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new DocumentError(code === 'ENOENT' ? 'there is no such file' : `can't be read (${code})`);
  }
}

function parse(text: string): RawDocument {
  // JSON is YAML, so that one parser reads both and knows lines for both.
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line = 0, col = 0 } = error.linePos?.[0] ?? {};
    const [reason] = error.message.split(/ at line |\n/);
    throw new DocumentError(`line ${line}, column ${col}: ${reason}`);
  }
  return document.toJS() as RawDocument;
}
