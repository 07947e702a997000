// One Prometheus server, for tests of what it is configured with.

import { join } from 'node:path';
import type { PrometheusPrograms } from './artifacts.ts';
import { HOST, withPorts } from './ports.ts';
import { StackProcess, endWithThis, type ProcessSpec } from './process.ts';

const READY_LINE = 'Server is ready to receive web requests';

export interface PrometheusOptions {
  /** Where its data and log are. */
  readonly folder: string;
  readonly programs: PrometheusPrograms;
  /** Its configuration; rule files in it are relative to its folder. */
  readonly config: string;
}

export interface Prometheus {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly process: StackProcess;
  /** True when it ran. */
  readonly stop: () => Promise<boolean>;
}

/** Starts Prometheus and waits until it answers. It is asked to end when this process exits. Throws StackError. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  return await withPorts(1, [], async ([port = 0]) => {
    const server = new StackProcess(prometheusSpec(options, port));
    endWithThis(server);
    await server.start();
    return { url: `http://${HOST}:${port}`, process: server, stop: () => server.stop() };
  });
}

function prometheusSpec({ folder, programs, config }: PrometheusOptions, port: number): ProcessSpec {
  const home = join(folder, 'prometheus');
  return {
    name: 'prometheus',
    command: programs.prometheus,
    args: [`--config.file=${config}`, `--storage.tsdb.path=${join(home, 'data')}`, `--web.listen-address=${HOST}:${port}`, '--web.enable-lifecycle'],
    env: {},
    folder: home,
    log: join(home, 'prometheus.log'),
    readyLine: READY_LINE,
    prepare: () => Promise.resolve(),
    probe: () => isReady(port),
  };
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://${HOST}:${port}/-/ready`)).ok;
  } catch {
    return false;
  }
}
