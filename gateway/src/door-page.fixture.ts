import type { DoorCase, DoorGroup } from './door.cases.ts';

const introduction = `# The door

What the gateway answers to requests as they are on the wire, before it looks at what they ask. This page is made of
\`gateway/src/door.cases.ts\`; a test sends every line of it to the gateway and looks at what comes out behind it.
(\`node --test --test-update-snapshots gateway/src/door.test.ts\` writes it anew.)

A refusal is a problem (docs/problems.md) and carries the security fields. *Connection* says what becomes of it: \`kept\`,
a further request is answered; \`closed\`, nothing that comes behind is looked at. *Goes on* says what the upstream gets:
\`–\`, nothing; \`unfinished\`, at most a request whose body never ends.

The times are settings, in milliseconds: \`PORTICO_HEAD_TIMEOUT_MS\` (10 s) for a head, \`PORTICO_REQUEST_TIMEOUT_MS\` (30 s)
for a whole request, where the time of its route is not over before, \`PORTICO_FIRST_BYTE_TIMEOUT_MS\` (10 s) and
\`PORTICO_IDLE_TIMEOUT_MS\` (30 s) for an answer of which nothing comes or nothing is read.
`;

/** docs/door.md. */
export function doorPage(groups: readonly DoorGroup[]): string {
  const lines = [
    '| what comes | answer | connection | goes on | clause |',
    '| --- | --- | --- | --- | --- |',
    ...groups.flatMap((group) => [
      `| **${group.title}.** ${group.why} | | | | |`,
      ...group.cases.map(toLine),
    ]),
  ];
  return `${introduction}\n${lines.join('\n')}\n`;
}

function toLine({ name, answers, connection, arrives, clause }: DoorCase): string {
  const cells = [name, answers.join(', ') || 'cut off', connection, goesOn(arrives), clause];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function goesOn(arrives: DoorCase['arrives']): string {
  if (arrives === 'unfinished') return arrives;
  return arrives.map((arrival) => [requestLine(arrival), ...fieldsOf(arrival)].join(', ')).join('; ') || '–';
}

function requestLine({ requestLine: line }: { requestLine: string }): string {
  return `\`${line.replace(' HTTP/1.1', '')}\``;
}

function fieldsOf({ fields = {} }: { fields?: Readonly<Record<string, string | undefined>> }): string[] {
  return Object.entries(fields).map(([name, value]) =>
    value === undefined ? `no \`${name}\`` : `\`${name}: ${visible(value)}\``,
  );
}

function visible(value: string): string {
  return encodeURI(value.replace('%via%', 'portico-…')).replaceAll('%20', ' ').replaceAll('%E2%80%A6', '…');
}
