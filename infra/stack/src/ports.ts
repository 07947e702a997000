// TCP ports of this machine, all on 127.0.0.1.

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { StackError } from './errors.ts';

export const HOST = '127.0.0.1';
const CONNECT_LIMIT_MS = 1_000;
const ATTEMPTS = 3;
/** Below those that systems give to outgoing connections: what is free now, or for a while, isn't taken by the next connection of anybody. */
const [FIRST, LAST] = [20_000, 32_767];
const TRIES_A_PORT = 100;

/** Ports nobody listens on, all different. Throws StackError. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  for (let left = count * TRIES_A_PORT; ports.size < count; left -= 1) {
    if (left === 0) throw new StackError('failed', `no TCP port from ${String(FIRST)} on is free on ${HOST}`);
    const port = randomInt(FIRST, LAST + 1);
    if (!ports.has(port) && await isFree(port)) ports.add(port);
  }
  return [...ports];
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
