// Whether two folders of results say the same: signals, refusals, counts.
//
// C1  A forgotten oid may begin at revision 1 again, so a signal is known by its place among those of its order.
// C2  Only the first differences of a journal are told; a missing file is a difference.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Json = Record<string, unknown>;

const COUNTS = [
  'records',
  'fills',
  'orderUpdates',
  'accounts',
  'ticks',
  'duplicates',
  'stale',
  'duplicateUpdates',
  'staleUpdates',
  'ignored',
  'unknownStatuses',
  'droppedStatuses',
  'orphaned',
  'expiredStatuses',
  'lateFills',
  'signals',
  'revisions',
  'finished',
] as const;
const TOLD_PER_JOURNAL = 5;

/** One line of text for each difference between the results in two folders, a few a journal; `isExact`: also across orders. */
export function differences(folderA: string, folderB: string, isExact: boolean): string[] {
  const names = [...new Set([...journalNames(folderA), ...journalNames(folderB)])].sort();
  if (names.length === 0) return [`neither ${folderA} nor ${folderB} has results (*.signals.ndjson)`];
  return names.flatMap((name) => journalDifferences(folderA, folderB, name, isExact).map((text) => `${name}: ${text}`));
}

export function journalNames(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.signals.ndjson'))
    .map((file) => file.slice(0, -'.signals.ndjson'.length));
}

function journalDifferences(folderA: string, folderB: string, name: string, isExact: boolean): string[] {
  const missing = [folderA, folderB].flatMap((folder) =>
    ['signals.ndjson', 'quarantine.ndjson', 'summary.json']
      .map((kind) => join(folder, `${name}.${kind}`))
      .filter((path) => !existsSync(path)),
  );
  if (missing.length > 0) return missing.map((path) => `missing ${path}`);
  const [signalsA, signalsB] = [rows(folderA, name, 'signals'), rows(folderB, name, 'signals')];
  return [
    ...signalDifferences(signalsA, signalsB),
    ...(isExact ? sequenceDifferences(signalsA, signalsB) : []),
    ...quarantineDifferences(rows(folderA, name, 'quarantine'), rows(folderB, name, 'quarantine')),
    ...countDifferences(summary(folderA, name), summary(folderB, name)),
  ];
}

/** By order: the same signals in the same sequence, which holds revisions and close-before-open to the first folder's. */
function signalDifferences(a: readonly Json[], b: readonly Json[]): string[] {
  const ordersA = byOrder(a);
  const ordersB = byOrder(b);
  const texts: string[] = [];
  for (const order of new Set([...ordersA.keys(), ...ordersB.keys()])) {
    const listA = ordersA.get(order) ?? [];
    const listB = ordersB.get(order) ?? [];
    for (let at = 0; at < Math.max(listA.length, listB.length); at += 1) {
      const text = signalDifference(listA[at], listB[at]);
      if (text !== undefined) {
        texts.push(`order ${order}, signal ${at + 1} of ${listA.length} | ${listB.length}: ${text}`);
        break;
      }
    }
  }
  return texts.slice(0, TOLD_PER_JOURNAL);
}

/** The first place where the whole sequence, over all orders, goes apart, or the text of a signal does. */
function sequenceDifferences(a: readonly Json[], b: readonly Json[]): string[] {
  const at = a.findIndex((signal, place) => JSON.stringify(signal) !== JSON.stringify(b[place]));
  return at < 0 ? [] : [`sequence or text at signal ${at + 1}: ${brief(a[at])} | ${brief(b[at])}`];
}

function byOrder(signals: readonly Json[]): Map<string, Json[]> {
  const orders = new Map<string, Json[]>();
  for (const signal of signals) {
    const order = `${String(signal['address'])}/${String(signal['oid'])}`;
    orders.set(order, [...(orders.get(order) ?? []), signal]);
  }
  return orders;
}

function signalDifference(a: Json | undefined, b: Json | undefined): string | undefined {
  if (a === undefined || b === undefined) return `${brief(a)} | ${brief(b)}`;
  const fields = Object.keys(a).filter((field) => canonical(a[field]) !== canonical(b[field]));
  const added = Object.keys(b).filter((field) => !(field in a));
  const texts = [...fields, ...added].map((field) => `${field} ${canonical(a[field])} | ${canonical(b[field])}`);
  if (texts.length > 0) return `${brief(a)}: ${texts.join('; ')}`;
  const isOrdered = Object.keys(a).join() === Object.keys(b).join();
  return isOrdered ? undefined : `fields in another order: ${Object.keys(a).join()} | ${Object.keys(b).join()}`;
}

function brief(signal: Json | undefined): string {
  return signal === undefined ? 'nothing' : `${String(signal['id'])} r${String(signal['revision'])} ${String(signal['trigger'])}`;
}

function quarantineDifferences(a: readonly Json[], b: readonly Json[]): string[] {
  const texts: string[] = [];
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const textA = canonical(a[at]);
    const textB = canonical(b[at]);
    if (textA !== textB) texts.push(`quarantine ${at + 1} of ${a.length} | ${b.length}: ${textA} | ${textB}`);
  }
  return texts.slice(0, 1);
}

function countDifferences(a: Json, b: Json): string[] {
  const flat = COUNTS.filter((name) => (a[name] ?? 0) !== (b[name] ?? 0)).map((name) => `${name} ${String(a[name])} | ${String(b[name])}`);
  const nested = ['quarantined', 'triggers'].filter((name) => canonical(occurred(a[name])) !== canonical(occurred(b[name])));
  const deep = nested.map((name) => `${name} ${canonical(a[name])} | ${canonical(b[name])}`);
  return [...flat, ...deep].map((text) => `count ${text}`);
}

/** Counts by key without the zeros, which may be written or left out. */
function occurred(counts: unknown): unknown {
  return isJson(counts) ? Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)) : {};
}

function rows(folder: string, name: string, kind: string): Json[] {
  const lines = readFileSync(join(folder, `${name}.${kind}.ndjson`), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map(parsed);
}

/** The counts of a summary, at its top or under `counts`. */
function summary(folder: string, name: string): Json {
  const whole = parsed(readFileSync(join(folder, `${name}.summary.json`), 'utf8'));
  return isJson(whole['counts']) ? whole['counts'] : whole;
}

function parsed(text: string): Json {
  const value: unknown = JSON.parse(text);
  if (!isJson(value)) throw new Error(`expected a JSON object, found ${text}`);
  return value;
}

function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isJson(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
