// One Redis (or Valkey) server.

import { join } from 'node:path';
import { fetchRedis, type RedisProgram } from './artifacts.ts';
import { HOST, answers, withPorts } from './ports.ts';
import { StackProcess, endWithThis, type ProcessSpec } from './process.ts';

const READY_LINE = 'Ready to accept connections';
/** Every write is in the file before it is answered: a killed server comes back with all of them. */
export const DURABLE: readonly string[] = ['--appendonly', 'yes'];

export interface RedisOptions {
  /** Where its data and log are. */
  readonly folder: string;
  readonly port?: number;
  /** More of its command line, e.g. `--appendonly yes`: without that it keeps nothing. */
  readonly args?: readonly string[];
}

export interface Redis {
  readonly port: number;
  /** `redis://127.0.0.1:PORT` */
  readonly url: string;
  readonly process: StackProcess;
  /** True when it ran. */
  readonly stop: () => Promise<boolean>;
}

/** Starts Redis and waits until it answers. It is asked to end when this process exits. Throws StackError. */
export async function startRedis(options: RedisOptions): Promise<Redis> {
  const program = await fetchRedis();
  return await withPorts(1, options.port === undefined ? [] : [options.port], async ([port = 0]) => {
    const server = new StackProcess(redisSpec({ ...options, port }, program));
    endWithThis(server);
    await server.start();
    return { port, url: redisUrl(port), process: server, stop: () => server.stop() };
  });
}

export function redisUrl(port: number): string {
  return `redis://${HOST}:${port}`;
}

/** How it is run. */
export function redisSpec({ folder, port = 0, args = [] }: RedisOptions, { command, env }: RedisProgram): ProcessSpec {
  const home = join(folder, 'redis');
  return {
    name: 'redis',
    command,
    args: ['--port', String(port), '--bind', HOST, '--dir', home, '--save', '', '--appendonly', 'no', ...args],
    env,
    folder: home,
    log: join(home, 'redis.log'),
    readyLine: READY_LINE,
    prepare: () => Promise.resolve(),
    probe: () => answers(port),
  };
}
