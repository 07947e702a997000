// TCP ports of this machine, all on 127.0.0.1.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { StackError } from './errors.ts';

export const HOST = '127.0.0.1';
const CONNECT_LIMIT_MS = 1_000;
const ATTEMPTS = 3;

/** Ports nobody listens on, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    return await Promise.all(servers.map(async (server) => {
      await once(server.listen(0, HOST), 'listening');
      const address = server.address();
      if (address === null || typeof address === 'string') throw new StackError('failed', 'no TCP port is free on 127.0.0.1');
      return address.port;
    }));
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** Whether a server could listen on the port. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, HOST), 'listening');
  } catch {
    return false;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** Starts something on the ports given and free ones for the rest, and again with others when a free one was taken meanwhile. */
export async function withPorts<T>(
  count: number, given: readonly number[], start: (ports: readonly number[]) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const ports = [...given, ...await freePorts(count - given.length)];
    try {
      return await start(ports);
    } catch (error) {
      const again = error instanceof StackError && error.code === 'port-taken' && given.length < count && attempt < ATTEMPTS;
      if (!again) throw error;
    }
  }
}

/** Whether a server takes a connection; with a `question`, whether it answers anything to it. */
export function answers(port: number, question?: Uint8Array): Promise<boolean> {
  const socket = connect({ host: HOST, port, timeout: CONNECT_LIMIT_MS });
  return new Promise((resolve) => {
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => {
      if (question === undefined) end(true);
      else socket.write(question);
    });
    socket.once('data', () => { end(true); });
    for (const event of ['error', 'timeout', 'end']) socket.once(event, () => { end(false); });
  });
}
