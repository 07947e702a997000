// What users write: arguments, flags, settings.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { UsageError } from '../../../packages/cli/src/errors.ts';
import { endpoint, period, wholeNumber } from '../../../packages/cli/src/flags.ts';
import { gatewayCommand } from '../../../packages/cli/src/gateway/gateway-command.ts';
import { tokenCommand } from '../../../packages/cli/src/gateway/token-command.ts';
import { webhookCommand } from '../../../packages/cli/src/gateway/webhook-command.ts';
import { explainCommand, ordersCommand } from '../../../packages/cli/src/operate/explain-command.ts';
import { expectedOf } from '../../../packages/cli/src/operate/expected.ts';
import { entryJson, entryLine, entryPage } from '../../../packages/cli/src/operate/quarantine-entry.ts';
import { quarantineCommand } from '../../../packages/cli/src/operate/quarantine-command.ts';
import { replayCommand } from '../../../packages/cli/src/operate/replay-command.ts';
import { timesOf } from '../../../packages/cli/src/operate/replay/range.ts';
import { fromOf, placeOf } from '../../../packages/cli/src/operate/where.ts';
import { runCommand } from '../../../packages/cli/src/run/command.ts';
import { SettingsError, foldSettingsText, fromAssignment, resolveSettings, storedSettings } from '../../../packages/cli/src/settings.ts';
import { importCommand } from '../../../packages/cli/src/stack/import-command.ts';
import { ingestorCommand } from '../../../packages/cli/src/stack/ingestor-command.ts';
import { processorCommand } from '../../../packages/cli/src/stack/processor-command.ts';
import { startCommand } from '../../../packages/cli/src/start/command.ts';
import { damagedText, oddValue, twistedJson } from '../damage.ts';
import { record } from '../records.ts';
import { bytesTarget, fieldsOf, itemsOf, jsonTarget, only, textOf, textTarget } from '../target.ts';

class Refused extends Error {}

const REFUSALS = [UsageError, SettingsError, Refused];

/** commander's errors are told by their codes. */
function read<T>(run: () => T): T | undefined {
  return only(REFUSALS, () => {
    try {
      return run();
    } catch (error) {
      throw isCommanders(error) ? new Refused() : error;
    }
  });
}

function isCommanders(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}

const flag = fc.constantFrom('30s', '1.5h', '10m', '2026-01-31T12:00:00Z', 'latest', 'earliest', '15m', '0/5', '127.0.0.1:9464', ':80', '1760000000000', '00', '999999999');

const flags = textTarget({
  name: 'flag', law: 'a flag\'s text is a value that can be used, or refused by name', share: 2_000,
  cases: fc.oneof(damagedText(flag), fc.string({ maxLength: 12 })),
  check: (text) => {
    const finite = [
      read(() => period(text)), read(() => wholeNumber(text)), read(() => endpoint(text))?.port, read(() => placeOf(text))?.offset,
    ];
    assert.ok(finite.every((value) => value === undefined || Number.isSafeInteger(value)), text);
    const from = read(() => fromOf(text, 1_760_000_000_000));
    if (from?.kind === 'time') assert.ok(Number.isFinite(from.at), text);
    const times = read(() => timesOf({ from: text, to: 'latest' }, 1_760_000_000_000));
    assert.ok(times === undefined || !Number.isNaN(times.from), text);
  },
});

const SETTINGS = ['graceMs', 'grace', 'quietMs', 'memory', 'lateFills', 'smallBelow', 'mediumBelow', 'partitions', 'logLimit', '__proto__', 'x'];
const value = fc.oneof(fc.constantFrom<unknown>('5s', '0', '1e3', '2048', 'drop', '0.1', '512MiB', '-1', '99999999999999999999'), oddValue);

const settings = jsonTarget({
  name: 'setting', law: 'settings are resolved, and are the same again as they are stored, or refused by name',
  cases: fc.tuple(fc.dictionary(fc.constantFrom(...SETTINGS), value, { maxKeys: 4, noNullPrototype: true }), fc.tuple(fc.constantFrom(...SETTINGS), value).map(([name, each]) => `${name}=${textOf(each)}`)),
  check: (written) => {
    const [values, assignment] = itemsOf(written);
    const resolved = read(() => resolveSettings([{ source: 'a file', values: fieldsOf(values) }]));
    read(() => resolveSettings([fromAssignment(String(assignment))]));
    if (resolved !== undefined) assert.equal(foldSettingsText(storedSettings(foldSettingsText(resolved))), foldSettingsText(resolved));
  },
});

const WORDS = [
  'run', 'start', 'import', 'explain', 'orders', 'list', 'token', 'create', 'webhook', 'add', 'gateway', 'ingestor', 'processor', 'quarantine', 'show', 'replay', '--journal', '--set', 'graceMs=1s',
  '--address', `0x${'00'.repeat(20)}`, '--from', '15m', '--http', ':1', '--', '-', '-x', '--unknown', '', '--kafka', '127.0.0.1:1', '--limit', '5', '--help=', '--version=1', '1/2',
];
const FACTORIES = [
  runCommand, startCommand, importCommand, explainCommand, ordersCommand, tokenCommand, webhookCommand, gatewayCommand, ingestorCommand, processorCommand, quarantineCommand, replayCommand,
];

type Command = ReturnType<typeof runCommand>;

/** As it is, but that it does nothing. */
function quiet(command: Command): Command {
  command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  if (command.commands.length === 0) command.action(() => undefined);
  for (const part of command.commands) quiet(part);
  return command;
}

const commandLines = jsonTarget({
  name: 'arguments', law: 'a command line is carried out, or refused by name', share: 200,
  cases: fc.tuple(fc.nat({ max: FACTORIES.length - 1 }), fc.array(fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 6 })), { maxLength: 7 })),
  check: (value) => {
    const [place, args] = itemsOf(value);
    const make = FACTORIES[Number(place)] ?? runCommand;
    read(() => quiet(make()).parse(itemsOf(args).map(String), { from: 'user' }));
  },
});

const REASONS = ['malformed', 'bad-address', 'unknown-dir', 'dir-contradiction', 'conflict', 'late', 'of a later version'];

/** The reason's place stands before the record. */
const pages = bytesTarget({
  name: 'quarantine-page', law: 'every refused record can be shown, with nothing in it that a terminal obeys',
  cases: fc.tuple(fc.nat({ max: REASONS.length - 1 }), twistedJson(record)).map(([place, text]) => Buffer.concat([Buffer.from([place]), Buffer.from(text)])),
  check: (bytes) => {
    const original = Buffer.from(bytes.subarray(1));
    const refused = { reason: REASONS[bytes[0] ?? 0] ?? 'late', topic: 'fills', partition: 0, offset: 1, receivedAt: null, original, cut: null };
    const entry = { place: { partition: 0, offset: 0 }, refused };
    for (const text of [...expectedOf(refused).map((line) => line.slice(0, 0)), entryLine(entry), ...entryPage(entry).split('\n')]) assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f]/);
    assert.equal(entryJson(entry).includes('\n'), false);
  },
});

export const COMMAND_TARGETS = [flags, settings, commandLines, pages];
