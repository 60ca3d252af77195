/** Writes `asyncapi.yaml` from the events that the services declare. */
import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { composeAsyncApi } from './events/async-api.ts';
import { eventSources } from './events/event-sources.ts';

await writeFile(
  new URL('../asyncapi.yaml', import.meta.url),
  stringify(composeAsyncApi(eventSources), { aliasDuplicateObjects: false }),
);
