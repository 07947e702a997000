// How a command ends badly: exit 2 for bad usage, 1 for a failure, 3 for differences, 130 when interrupted. One line each, never
// a stack.

import { CommanderError } from 'commander';

/** The command was called in a way that can't be carried out. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The user stopped the command. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/** A replay gives something else than it should. */
export class DifferencesError extends Error {
  override readonly name = 'DifferencesError';
}

/** What an error says, in one line. */
export function lineOf(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
  return line;
}

/** Why an output can't be written, in the user's words. */
export function unwritableLine(path: string, error: unknown): string {
  const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
  const why = full ? 'no space is left on the disk' : error instanceof Error ? error.message : String(error);
  return `can't write ${path}: ${why}`;
}

export type Ending = { readonly code: number; readonly message: string | null };

const SYSTEM_ERROR = /^E[A-Z0-9]+$/;
/** Exit codes of foreseen errors; known by their names, so that no command loads what another one throws. */
const FORESEEN: ReadonlyMap<string, number> = new Map([
  ['UsageError', 2], ['SettingsError', 2], ['GatewayRefused', 2],
  ['InterruptedError', 130],
  ['DifferencesError', 3],
  ['JournalError', 1], ['PortError', 1], ['StackError', 1], ['SchemaError', 1],
]);

/** What to print and to exit with; an error that isn't foreseen is a bug, and its stack is what helps. */
export function endingOf(error: unknown): Ending {
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? 0 : 2, message: null };
  if (!(error instanceof Error)) return { code: 1, message: `this is a bug: ${String(error)}` };
  const code = FORESEEN.get(error.name);
  if (code !== undefined) return { code, message: error.message };
  if (error.name === 'InfoError') return { code: 1, message: `the exchange gave no answer that is one: ${error.message}` };
  if ('code' in error && SYSTEM_ERROR.test(String(error.code))) return { code: 1, message: error.message };
  return { code: 1, message: `this is a bug: ${error.stack ?? error.message}` };
}
