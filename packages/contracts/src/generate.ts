/** Writes the types of every document in `openapi/` to `src/generated/`. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import openapiTypescript, { astToString } from 'openapi-typescript';

const documents = new URL('../openapi/', import.meta.url);
const generated = new URL('./generated/', import.meta.url);

await mkdir(generated, { recursive: true });
for (const file of await readdir(documents)) {
  const types = await openapiTypescript(await readFile(new URL(file, documents)), { immutable: true });
  await writeFile(
    new URL(file.replace(/\.yaml$/, '.ts'), generated),
    `// Made from openapi/${file} by npm run generate. Change it there.\n\n${astToString(types)}`,
  );
}
