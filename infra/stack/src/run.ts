// Commands that are run to their end.

import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { StackError } from './errors.ts';

/** A first fetch of all jars over a slow line takes minutes. */
const LIMIT_MS = 10 * 60_000;
const OUTPUT_LIMIT_BYTES = 2 ** 24;
const TOLD_LINES = 5;

export interface RunOptions {
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly limitMs?: number;
}

/** Runs a command and gives what it wrote (stdout, then stderr). Throws StackError `failed` with its last lines. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { folder, env, limitMs = LIMIT_MS } = options;
  const settings = { cwd: folder, env: { ...process.env, ...env }, timeout: limitMs, maxBuffer: OUTPUT_LIMIT_BYTES };
  return new Promise((resolve, reject) => {
    execFile(command, args, settings, (error, stdout, stderr) => {
      if (error === null) resolve(stdout + stderr);
      else reject(new StackError('failed', `${command} failed: ${lastLines(stdout + stderr) || lastLines(error.message)}`));
    });
  });
}

/** The same, null when it fails. */
export async function tryRun(command: string, args: readonly string[], options: RunOptions = {}): Promise<string | null> {
  try {
    return await run(command, args, options);
  } catch (error) {
    if (error instanceof StackError) return null;
    throw error;
  }
}

/** The last lines of a text as one line, without Java's stacks. */
export function lastLines(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !/^at \S+\(/.test(line)).slice(-TOLD_LINES).join(' | ');
}

/** The first of these programs that is on PATH, null when none is. */
export function onPath(...names: readonly string[]): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return names.find((name) => folders.some((folder) => isProgram(join(folder, name)))) ?? null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
