// `fillstream webhook`: where signals are posted to, and what wasn't taken there.
//
// W1  A webhook's secret is printed once, by itself on standard output; no list has it.

import type { Filter } from '@fillstream/client';
import type { Webhook, WebhookDeadLetter } from '@fillstream/schemas';
import type { KafkaOptions, RegistryOptions } from '@fillstream/kafka';
import { PortError } from '@fillstream/runtime';
import { Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { collected } from '../exchange-flags.ts';
import { tell } from '../flags.ts';
import { harmless, leaveSoon, printLine, timeText, wantsJson } from '../operate/output.ts';
import { kafkaFlags, kafkaOptions, type KafkaFlags } from '../stack/connections.ts';

type JsonFlag = { readonly json: boolean };
type FilterFlags = {
  readonly address?: readonly string[]; readonly coin?: readonly string[]; readonly direction?: readonly string[]; readonly side?: readonly string[];
  readonly assetType?: readonly string[]; readonly minNotional?: string; readonly cause?: readonly string[]; readonly trigger?: readonly string[];
  readonly firstOnly: boolean;
};
type AddFlags = KafkaFlags & FilterFlags & { readonly label?: string };
type ResendFlags = KafkaFlags & { readonly all: boolean; readonly signal?: string; readonly allowPrivate: boolean };
type Servers = { readonly kafka: KafkaOptions; readonly registry: RegistryOptions };

const LABEL_CHARS = 200;
const MOST_WEBHOOKS = 200;
const TIMEOUT_MS = 10_000;
const EXAMPLES = `
Examples:
  fillstream webhook add https://example.org/signals --coin BTC --min-notional 10000
  fillstream webhook dead wh_5f0c7a1be2d3
  fillstream webhook resend wh_5f0c7a1be2d3 --all`;

export function webhookCommand(): Command {
  const command = new Command('webhook').description('Where signals are posted to, which `fillstream webhooks` does; and what wasn\'t taken there.').addHelpText('after', EXAMPLES);
  const add = command.command('add').description('Have signals posted there from now on; prints the secret that signatures are made with, once.').argument('<url>', 'http or https');
  for (const option of filterFlags()) add.addOption(option);
  add.option('--label <text>', 'a name for people');
  const list = command.command('list').description('Show the webhooks, without their secrets; as NDJSON where no terminal reads it.');
  const remove = command.command('remove').description('Post nothing there any more; its dead letters stay.').argument('<id>', 'as `list` has it');
  const dead = command.command('dead').description('Show the dead letters: signals that weren\'t taken.').argument('[id]', 'of this webhook only');
  for (const each of [list, dead]) each.option('--json', 'NDJSON on a terminal too', false);
  const resend = command.command('resend').description('Post dead letters once more, the oldest first, until one isn\'t taken.').argument('<id>', 'of this webhook')
    .option('--all', 'all of them', false)
    .addOption(new Option('--signal <id>', 'those of this signal').conflicts('all'))
    .option('--allow-private', 'also to addresses that aren\'t public', false);
  for (const each of [add, list, remove, dead, resend]) for (const option of kafkaFlags()) each.addOption(option);
  add.action(addWebhook);
  list.action(listWebhooks);
  remove.action(removeWebhook);
  dead.action(listDead);
  resend.action(resendDead);
  return command;
}

function filterFlags(): Option[] {
  const some = (flags: string, about: string, choices?: readonly string[]): Option => {
    const option = new Option(flags, `${about}; may be given several times`);
    if (choices === undefined) return option.argParser(collected);
    option.argChoices = [...choices];
    return option.argParser((value: string, before: readonly string[] | undefined) => collected(value, before));
  };
  return [
    some('--address <0x…>', 'of this address only'), some('--coin <name>', 'of this coin only, by the exchange\'s name or the symbol'),
    some('--direction <direction>', 'open or close only', ['open', 'close']), some('--side <side>', 'LONG or SHORT only', ['LONG', 'SHORT']),
    some('--asset-type <type>', 'futures, spot or outcome only', ['futures', 'spot', 'outcome']),
    new Option('--min-notional <usd>', 'of this notional and more'),
    some('--cause <cause>', 'for this reason only', ['trade', 'liquidation', 'adl', 'settlement']),
    some('--trigger <trigger>', 'of this trigger only', ['complete', 'grace', 'quiet', 'timeout']),
    new Option('--first-only', 'no revisions after the first').default(false),
  ];
}

/** Throws UsageError. */
async function filterOf(flags: FilterFlags): Promise<Filter> {
  const { parseFilter } = await import('@fillstream/gateway/feed/filter');
  const { address, coin, direction, side, assetType, minNotional, cause, trigger, firstOnly } = flags;
  const given = {
    addresses: address, coins: coin, directions: direction, sides: side, assetTypes: assetType, minNotional, causes: cause, triggers: trigger,
    revisions: firstOnly ? 'first' : undefined,
  };
  return usage(() => parseFilter(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))));
}

async function addWebhook(text: string, flags: AddFlags): Promise<void> {
  const { checkUrl, newWebhook, readWebhooks } = await import('@fillstream/gateway/webhooks/webhooks');
  const url = usage(() => checkUrl(text));
  const [filter, label] = [await filterOf(flags), labelOf(flags.label)];
  const servers = kafkaOptions(flags);
  await written(servers, async (put) => {
    const { boundsOf } = await import('@fillstream/kafka');
    const { encodeWebhook } = await import('@fillstream/schemas');
    if ((await readWebhooks(servers.kafka, servers.registry, tell)).length >= MOST_WEBHOOKS) throw new UsageError(`there are ${String(MOST_WEBHOOKS)} webhooks, and there may be no more`);
    const from = (await boundsOf(servers.kafka, 'signals')).map(({ high }) => high);
    const webhook = newWebhook({ url, filter, label, from }, Date.now());
    await put(webhook.id, encodeWebhook(webhook));
    await printLine(webhook.secret); // W1
    tell(`this is the secret of ${webhook.id}, which signatures are made with; it is shown this once`);
  });
}

async function listWebhooks(flags: KafkaFlags & JsonFlag): Promise<void> {
  const webhooks = await webhooksOn(kafkaOptions(flags));
  if (webhooks.length === 0 && !wantsJson(flags)) tell('there are no webhooks: `fillstream webhook add https://…`');
  for (const { secret: _, from: __, ...shown } of webhooks) {
    await printLine(wantsJson(flags) ? JSON.stringify({ ...shown, filter: valueOf(shown.filter) }) : webhookLine(shown));
  }
  leaveSoon();
}

function webhookLine({ id, createdAt, url, filter, label }: Pick<Webhook, 'id' | 'createdAt' | 'url' | 'filter' | 'label'>): string {
  return [id, timeText(createdAt), harmless(url), harmless(filter), harmless(label ?? '')].join('  ');
}

async function removeWebhook(id: string, flags: KafkaFlags): Promise<void> {
  const servers = kafkaOptions(flags);
  await written(servers, async (put) => {
    await webhookOn(servers, id);
    await put(id, null);
    tell(`${id}: nothing is posted there any more`);
  });
}

async function listDead(id: string | undefined, flags: KafkaFlags & JsonFlag): Promise<void> {
  const letters = await lettersOn(kafkaOptions(flags), id ?? null);
  if (letters.length === 0 && !wantsJson(flags)) tell('everything was taken');
  for (const letter of letters) await printLine(wantsJson(flags) ? letterJson(letter) : letterLine(letter));
  leaveSoon();
}

function letterJson({ body, resentAt: _, ...shown }: WebhookDeadLetter): string {
  return JSON.stringify({ ...shown, body: valueOf(body) });
}

function letterLine({ webhook, at, signal, revision, attempts, reason }: WebhookDeadLetter): string {
  return `${timeText(at)}  ${webhook}  ${harmless(signal)} r${String(revision)}  ${harmless(reason)} (${attempts === 1 ? '1 try' : `${String(attempts)} tries`})`;
}

/** Throws PortError for the first that isn't taken: what lies behind it would meet the same. */
async function resendDead(id: string, flags: ResendFlags): Promise<void> {
  if (!flags.all && flags.signal === undefined) throw new UsageError('expected --all, or --signal ID');
  const servers = kafkaOptions(flags);
  const [{ DeadLetterWriter }, { Sender }] = await Promise.all([import('@fillstream/gateway/webhooks/dead-letters'), import('@fillstream/gateway/webhooks/sender')]);
  const webhook = await webhookOn(servers, id);
  const letters = (await lettersOn(servers, id)).filter(({ signal }) => flags.signal === undefined || signal === flags.signal);
  const [writer, sender] = [await DeadLetterWriter.connect(servers.kafka, servers.registry), new Sender({ timeoutMs: TIMEOUT_MS, allowPrivate: flags.allowPrivate })];
  try {
    for (const [place, letter] of letters.entries()) {
      const answer = await sender.send(webhook, { id: letter.signal, revision: letter.revision, body: letter.body }, new AbortController().signal);
      if (answer.kind !== 'taken') {
        throw new PortError('log-broken', `${id}: ${letter.signal} wasn't taken (${answer.reason}); ${String(place)} were, ${String(letters.length - place)} are dead letters still`, { retryable: true });
      }
      await writer.writeResent(letter, Date.now());
    }
    tell(letters.length === 0 ? `${id}: there are no such dead letters` : `${id}: ${String(letters.length)} were taken`);
  } finally {
    await writer.close();
    sender.close();
    leaveSoon();
  }
}

async function lettersOn({ kafka, registry }: Servers, id: string | null): Promise<readonly WebhookDeadLetter[]> {
  const { readDeadLetters } = await import('@fillstream/gateway/webhooks/dead-letters');
  return await readDeadLetters(kafka, registry, id);
}

async function webhooksOn({ kafka, registry }: Servers): Promise<readonly Webhook[]> {
  const { readWebhooks } = await import('@fillstream/gateway/webhooks/webhooks');
  return await readWebhooks(kafka, registry, tell);
}

/** Throws UsageError. */
async function webhookOn(servers: Servers, id: string): Promise<Webhook> {
  const found = (await webhooksOn(servers)).find((each) => each.id === id);
  if (found === undefined) throw new UsageError(`there is no webhook ${JSON.stringify(id)}: \`fillstream webhook list\``);
  return found;
}

async function written({ kafka, registry }: Servers, work: (put: (id: string, body: Uint8Array | null) => Promise<void>) => Promise<void>): Promise<void> {
  const { KafkaInputWriter } = await import('@fillstream/kafka');
  const writer = await KafkaInputWriter.connect(kafka, registry, ['webhooks']);
  try {
    await work(async (id, body) => await writer.note({ topic: 'webhooks', key: id, timestamp: Date.now(), body }));
  } finally {
    await writer.close();
    leaveSoon();
  }
}

function labelOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (text.length > LABEL_CHARS || /\p{Cc}/u.test(text)) throw new UsageError(`--label: expected at most ${String(LABEL_CHARS)} characters on one line`);
  return text;
}

function valueOf(json: string): unknown {
  return JSON.parse(json);
}

function usage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
