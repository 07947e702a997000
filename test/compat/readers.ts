// The examples in other languages as processes, with what they need fetched once into the stack's cache by the machine's own tools.

import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SHORT_LIFE, defaultCache } from '@fillstream/stack';
import { ROOT } from '../end-to-end/command.ts';

export type Topic = { readonly brokers: string; readonly registry: string; readonly name: string };

export type Reader = {
  /** Reads from the group's offsets to the end, with its state in a file; gives what it printed. */
  readonly read: (topic: Topic, state: string) => Promise<string>;
};

const PYTHON = join(ROOT, 'examples/python');
const JAVA = join(ROOT, 'examples/java');
const LIMIT_MS = 90_000;
const runFile = promisify(execFile);

/** A text says what this machine lacks. */
export function pythonReader(): Reader | string {
  if (!runs('python3', ['--version'])) return 'no python3';
  const libraries = fetched('readers-python', join(PYTHON, 'requirements.txt'), (folder) => (
    runs('python3', ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--target', folder, '-r', join(PYTHON, 'requirements.txt')])
  ));
  if (libraries === null) return 'no pip, or it can\'t install examples/python/requirements.txt';
  return {
    read: async ({ brokers, registry, name }, state) => await printed('python3', [
      join(PYTHON, 'read_signals.py'), brokers, registry, name, '--state', state, '--until-end',
    ], { PYTHONPATH: libraries }),
  };
}

/** The same. */
export function javaReader(): Reader | string {
  if (!runs('javac', ['-version'])) return 'no javac';
  const libraries = fetched('readers-java', join(JAVA, 'pom.xml'), (folder) => {
    copyFileSync(join(JAVA, 'pom.xml'), join(folder, 'pom.xml')); // Maven writes beside it.
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=libs'];
    return runs('mvn', ['-B', '-ntp', '-q', '-f', join(folder, 'pom.xml'), ...goal]);
  });
  if (libraries === null) return 'no mvn, or it can\'t get what examples/java/pom.xml names';
  return {
    read: async ({ brokers, registry, name }, state) => await printed('java', [
      ...SHORT_LIFE, '-cp', join(libraries, 'libs', '*'), join(JAVA, 'ReadSignals.java'), brokers, registry, name, state, 'until-end',
    ], {}),
  };
}

async function printed(command: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const { stdout } = await runFile(command, args, { env: { ...process.env, ...env }, timeout: LIMIT_MS, maxBuffer: 2 ** 26 });
  return stdout;
}

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: LIMIT_MS }).status === 0;
}

/** A folder for each content of `list`; whole, as it is filled under another name. null: it can't be filled. */
function fetched(name: string, list: string, fill: (folder: string) => boolean): string | null {
  const folder = join(defaultCache(), `${name}-${createHash('sha256').update(readFileSync(list)).digest('hex').slice(0, 8)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(defaultCache(), { recursive: true });
  const draft = mkdtempSync(`${folder}.draft-`);
  try {
    if (!fill(draft)) return null;
    if (!existsSync(folder)) renameSync(draft, folder);
    return folder;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
