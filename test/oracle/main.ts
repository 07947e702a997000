// The oracle's command: folds journals, makes them up, and compares two folders of results.
//
// M1  Exit code 0: done, and equal; 1: different, or failed; 2: bad usage.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { differences, journalNames } from './compare.ts';
import { journal } from './journals.ts';
import { fold } from './oracle.ts';
import type { Settings } from './settings.ts';

const USAGE = `usage:
  main.ts --journal-dir IN --out-dir OUT                        fold every IN/NAME.ndjson (settings: IN/NAME.config.json)
  main.ts generate --seed S --count N --size M --dir IN         write N journals of M lines, seeds S, S+1, …
  main.ts compare [--exact] A B                                 compare two folders of results (--exact: their whole sequence)`;
const SHOWN_DIFFERENCES = 20;

class UsageError extends Error {}

process.exitCode = run(process.argv.slice(2));

function run(args: readonly string[]): number {
  const [command, ...rest] = args;
  try {
    if (command === 'generate') return generate(rest);
    if (command === 'compare') return compareFolders(rest);
    return foldFolder(args);
  } catch (error) {
    if (!isUsageError(error)) throw error;
    console.error(`${error.message}\n${USAGE}`);
    return 2;
  }
}

function isUsageError(error: unknown): error is Error {
  return error instanceof UsageError || (error instanceof TypeError && 'code' in error);
}

function foldFolder(args: readonly string[]): number {
  const options = { 'journal-dir': { type: 'string' }, 'out-dir': { type: 'string' } } as const;
  const { values } = parseArgs({ args: [...args], options });
  const from = needed('--journal-dir', values['journal-dir']);
  const to = needed('--out-dir', values['out-dir']);
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from).filter((name) => name.endsWith('.ndjson')).sort()) foldFile(from, to, file);
  return 0;
}

function foldFile(from: string, to: string, file: string): void {
  const name = file.slice(0, -'.ndjson'.length);
  const config = join(from, `${name}.config.json`);
  const settings: Partial<Settings> = existsSync(config) ? parseSettings(readFileSync(config, 'utf8')) : {};
  const { signals, quarantine, counts } = fold(linesOf(readFileSync(join(from, file), 'utf8')), settings);
  writeFileSync(join(to, `${name}.signals.ndjson`), ndjson(signals));
  writeFileSync(join(to, `${name}.quarantine.ndjson`), ndjson(quarantine));
  writeFileSync(join(to, `${name}.summary.json`), `${JSON.stringify(counts)}\n`);
}

/** The line feed ends a line; what follows the last one is a line only when there is something. */
function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function ndjson(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

function generate(args: readonly string[]): number {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ args: [...args], options: { seed: text, count: text, size: text, dir: text } });
  const seed = counting('--seed', values.seed);
  const count = counting('--count', values.count);
  const size = counting('--size', values.size);
  const dir = needed('--dir', values.dir);
  mkdirSync(dir, { recursive: true });
  for (let next = seed; next < seed + count; next += 1) {
    const { lines, settings } = journal(next, size);
    writeFileSync(join(dir, `s${next}.ndjson`), lines.map((line) => `${line}\n`).join(''));
    writeFileSync(join(dir, `s${next}.config.json`), `${JSON.stringify(settings)}\n`);
  }
  return 0;
}

function compareFolders(args: readonly string[]): number {
  const options = { exact: { type: 'boolean', default: false } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const [a, b, ...more] = positionals;
  if (more.length > 0) throw new UsageError('compare takes two folders');
  const folderA = needed('the first folder', a);
  const folderB = needed('the second folder', b);
  const texts = differences(folderA, folderB, values.exact);
  for (const text of texts.slice(0, SHOWN_DIFFERENCES)) console.log(text);
  const different = new Set(texts.map((text) => text.split(':')[0])).size;
  const total = new Set([...journalNames(folderA), ...journalNames(folderB)]).size;
  console.log(`${total} journals compared, ${different} different`);
  return texts.length === 0 ? 0 : 1;
}

function needed(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new UsageError(`${name} is needed`);
  return value;
}

function counting(name: string, value: string | undefined): number {
  const number = Number(needed(name, value));
  if (!Number.isSafeInteger(number) || number < 0) throw new UsageError(`${name} is a whole number, but was ${value}`);
  return number;
}

function parseSettings(text: string): Partial<Settings> {
  // The caller's own file: a wrong one shows in what comes out.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(text) as Partial<Settings>;
}
