// The contract's scenarios, where they are.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SHARED } from './command.ts';

export const SCENARIOS = join(SHARED, 'scenarios');

export type Scenario = {
  readonly name: string;
  readonly config?: object;
  /** Records, or text that is none. */
  readonly journal: readonly unknown[];
  readonly signals: readonly object[];
  /** The reasons of the records refused, in order. */
  readonly quarantine: readonly string[];
  readonly counts?: object;
};

/** null where they are absent. */
export function loadScenarios(): readonly Scenario[] | null {
  if (!existsSync(SCENARIOS)) return null;
  return readdirSync(SCENARIOS).filter((name) => name.endsWith('.json')).map((name) => scenarioOf(readFileSync(join(SCENARIOS, name), 'utf8')));
}

/* The contract's own files. */
function scenarioOf(text: string): Scenario {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(text) as Scenario;
}

export function lineOf(entry: unknown): string {
  return typeof entry === 'string' ? entry : JSON.stringify(entry);
}
