import { connect } from 'node:net';

/**
 * Sends one command to the Redis on 127.0.0.1:`port`, signed in with `password`.
 * @returns the first line of its answer; '' when it closed the connection instead, as it does on SHUTDOWN.
 * @throws Error when nothing listens there, or nothing came within `timeoutMs`.
 */
export function askRedis(port: number, password: string, command: string, timeoutMs = 1000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: timeoutMs });
    let answers = '';
    socket.once('connect', () => socket.write(`AUTH ${password}\r\n${command}\r\n`));
    socket.on('data', (chunk) => {
      answers += chunk.toString('latin1');
      const [, answer] = /^[^\n]*\r\n([^\n]*)\r\n/.exec(answers) ?? [];
      if (answer === undefined) return;
      resolve(answer);
      socket.destroy();
    });
    socket.once('timeout', () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    socket.once('error', reject);
    socket.once('close', () => resolve(''));
  });
}
