// How a command ends badly: exit 2 for bad usage, 1 for a failure, 3 for differences, 130 when interrupted. One line each, never
// a stack.

import { JournalError } from '@fillstream/hyperliquid';
import { PortError } from '@fillstream/runtime';
import { CommanderError } from 'commander';
import { SettingsError } from './settings.ts';

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

export type Ending = { readonly code: number; readonly message: string | null };

const SYSTEM_ERROR = /^E[A-Z0-9]+$/;

/** What to print and to exit with; an error that isn't foreseen is a bug, and its stack is what helps. */
export function endingOf(error: unknown): Ending {
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? 0 : 2, message: null };
  if (error instanceof UsageError || error instanceof SettingsError) return { code: 2, message: error.message };
  if (error instanceof Error && error.name === 'GatewayRefused') return { code: 2, message: error.message };
  if (error instanceof InterruptedError) return { code: 130, message: error.message };
  if (error instanceof DifferencesError) return { code: 3, message: error.message };
  if (error instanceof JournalError || error instanceof PortError) return { code: 1, message: error.message };
  if (error instanceof Error && (error.name === 'StackError' || error.name === 'SchemaError')) return { code: 1, message: error.message };
  if (error instanceof Error && error.name === 'InfoError') return { code: 1, message: `the exchange gave no answer that is one: ${error.message}` };
  if (error instanceof Error && 'code' in error && SYSTEM_ERROR.test(String(error.code))) return { code: 1, message: error.message };
  return { code: 1, message: error instanceof Error ? `this is a bug: ${error.stack ?? error.message}` : `this is a bug: ${String(error)}` };
}
