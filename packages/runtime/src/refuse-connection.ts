import type { Socket } from 'node:net';
import { lingerAndClose } from './linger-and-close.ts';
import { type Problem, problemBody, problemTypes } from './problems.ts';

/** Fields of an answer, in that order. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** Answers what can't be handed on as a request, and ends the connection: nothing that follows can be trusted. */
export function refuseConnection(socket: Socket, problem: Problem, fields: Fields): void {
  const { status, title } = problemTypes[problem.problem];
  const body = problemBody(problem, undefined);
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    ...[...fields, ...Object.entries(problem.headers)].map(([name, value]) => `${name}: ${value}`),
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  lingerAndClose(socket);
}
