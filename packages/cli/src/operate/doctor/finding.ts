// What a check of `fillstream doctor` found. The checks are functions from facts to findings; what asks for the facts is elsewhere.

import { plural } from './units.ts';

/** `ok`: as it should be; `warning`: it works, and may not for long or not for everything; `broken`: it doesn't work, or loses data. */
export type Verdict = 'ok' | 'warning' | 'broken';

export type Finding = {
  /** What was looked at, such as `topic fills`. */
  readonly check: string;
  readonly verdict: Verdict;
  readonly found: string;
  readonly expected: string;
  /** The command, or the step, that mends it; null when nothing has to be. */
  readonly mend: string | null;
};

export function ok(check: string, found: string, expected: string): Finding {
  return { check, verdict: 'ok', found, expected, mend: null };
}

export function warning(check: string, found: string, expected: string, mend: string): Finding {
  return { check, verdict: 'warning', found, expected, mend };
}

export function broken(check: string, found: string, expected: string, mend: string): Finding {
  return { check, verdict: 'broken', found, expected, mend };
}

/** A command of ours, as a user of that namespace types it. */
export function commandOf(command: string, namespace: string): string {
  return `fillstream ${command}${namespace === '' ? '' : ` --namespace ${namespace}`}`;
}

const SIGNS: Readonly<Record<Verdict, string>> = { ok: 'ok', warning: 'WARNING', broken: 'BROKEN' };

/** For a person: a line a check, and under what isn't ok what was expected and what mends it. */
export function tableOf(findings: readonly Finding[]): string {
  const width = Math.max(0, ...findings.map(({ check }) => check.length));
  const indent = ' '.repeat(9);
  return findings.map(({ check, verdict, found, expected, mend }) => {
    const line = `${SIGNS[verdict].padEnd(7)}  ${check.padEnd(width)}  ${found}\n`;
    return mend === null ? line : `${line}${indent}expected: ${expected}\n${indent}mend:     ${mend}\n`;
  }).join('');
}

/** `30 checks: 28 ok, 1 warning, 1 broken`. */
export function summaryOf(findings: readonly Finding[]): string {
  const count = (verdict: Verdict): number => findings.filter((finding) => finding.verdict === verdict).length;
  return `${plural(findings.length, 'check')}: ${String(count('ok'))} ok, ${plural(count('warning'), 'warning')}, ${String(count('broken'))} broken`;
}
