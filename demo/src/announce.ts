import type { DemoFile } from './demo-file.ts';
import type { ProcessStatus } from './kept-process.ts';

/** One line on a process that became ready, was found absent, or died with `detail`. */
export function progressLine({ name, state, restarts, ready }: ProcessStatus, detail: string): string {
  const where = name.padEnd(10);
  if (state === 'absent') return `  ${where}not found on this machine: each process caches for itself`;
  if (state === 'restarting') return `${name} died (${detail}), starting it again`;
  if (restarts > 0) return `${name} is ready again`;
  return `  ${where}${ready?.engine ?? 'ready'}${ready?.note === undefined ? '' : `; ${ready.note}`}`;
}

const pageOfProducts =
  '{ products(first: 20) { edges { node { sku name price { amount } availability { inStock } rating { average } ' +
  'reviews(first: 2) { edges { node { body author { displayName } } } } } } } }';

/** The line that says that everything is ready, and below it what a person wants to know then. */
export function readyText({ gateway, admin, processes }: DemoFile, dataDir: string): string {
  const issuer = processes.find(({ name }) => name === 'identity')?.url;
  const query = JSON.stringify({ query: pageOfProducts });
  return `Portico is ready: ${gateway}

  Pages
    ${gateway}/             what runs, sample calls to click
    ${gateway}/graphql      GraphQL; a browser gets GraphiQL
    ${gateway}/api/docs     the REST API for phones
    ${admin}/readyz     the gateway's admin port

  Demo users, password demo
    ada (customer c1), grace (c2), c3 to c200, root (operator)${tokenLine(issuer)}

  Sample calls
    curl -s ${gateway}/graphql -H 'content-type: application/json' -d '${query}'
    curl -i ${gateway}/api/v1/products/p1

  Data and logs: ${dataDir}
  Ctrl-C stops everything; the data stays.
`;
}

/** Where users come from elsewhere, so do their tokens. */
function tokenLine(issuer: string | undefined): string {
  if (issuer === undefined) return '';
  const setting = issuer === 'http://127.0.0.1:8081' ? '' : `OIDC_ISSUER=${issuer} `;
  return `\n    ${setting}npx portico token ada    prints an access token`;
}
