import type { Socket } from 'node:net';
import { type Problem, problemBody, problemTypes } from './problems.ts';

/** Fields of an answer, in that order. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** How long a client may take to read its refusal and end the connection. */
const lingerMs = 2_000;

/**
 * Answers what can't be handed on as a request, and ends the connection: nothing that follows can be trusted. What still
 * arrives is thrown away for a moment, as closing at once would reset the connection and lose the answer (RFC 9112
 * section 9.6).
 */
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
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer)).resume();
}
