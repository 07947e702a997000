// `fillstream token`: who may ask the gateway for what. Tokens lie on Kafka, or in the data folder of an embedded gateway.
//
// K1  A token's text is printed once, by itself on standard output, and kept nowhere; what is listed has no hash.

import { checkAddress } from '@fillstream/hyperliquid';
import type { Token } from '@fillstream/schemas';
import { Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { collected } from '../exchange-flags.ts';
import { period, tell } from '../flags.ts';
import { harmless, leaveSoon, printLine, timeText, wantsJson } from '../operate/output.ts';
import { kafkaFlags, kafkaOptions, type KafkaFlags } from '../stack/connections.ts';

type Place = KafkaFlags & { readonly data?: string };
type CreateFlags = Place & {
  readonly name: string; readonly actions: string; readonly address?: readonly string[]; readonly expires?: number;
};

/** Where tokens are kept. */
type Store = {
  readonly all: readonly Token[];
  /** Durable when it resolves. */
  readonly put: (token: Token) => Promise<void>;
  readonly close: () => Promise<void>;
};

const NAME_CHARS = 200;
const MOST_ADDRESSES = 1_000;
const EXAMPLES = `
Examples:
  fillstream token create --name 'copy trader' --address 0x… --expires 30d
  fillstream token create --name dashboard --actions signals,orders,status --data .fillstream/data
  fillstream token revoke tok_5f0c7a1be2d3`;

export function tokenCommand(): Command {
  const command = new Command('token').description('Tokens of the gateway: who may ask it for what.').addHelpText('after', EXAMPLES);
  const create = command.command('create').description('Make a token; it is printed once, and kept nowhere.')
    .requiredOption('--name <text>', 'whose it is, for people')
    .option('--actions <list>', 'what it is good for, of signals, orders (how an order came about), status (and quarantine, metrics)', 'signals')
    .addOption(new Option('--address <0x…>', 'good for this address only; may be given several times').argParser(collected))
    .option('--expires <time>', 'good for so long, such as 30d (default: until it is revoked)', period);
  const list = command.command('list').description('Show the tokens, without what they are; as NDJSON where no terminal reads it.')
    .option('--json', 'NDJSON on a terminal too', false);
  const revoke = command.command('revoke').description('End a token: its connections are closed within two seconds.').argument('<id>', 'as `list` has it');
  for (const each of [create, list, revoke]) {
    each.option('--data <folder>', 'of the embedded gateway whose data is there, instead of Kafka');
    for (const option of kafkaFlags()) each.addOption(option);
  }
  create.action(createToken);
  list.action(listTokens);
  revoke.action(revokeToken);
  return command;
}

async function createToken(flags: CreateFlags): Promise<void> {
  const { ACTIONS, newToken } = await import('@fillstream/gateway/tokens/authority');
  const actions = actionsOf(flags.actions, ACTIONS);
  const [name, addresses, now] = [nameOf(flags.name), addressesOf(flags.address), Date.now()];
  const expiresAt = flags.expires === undefined ? null : now + flags.expires;
  const { text, record } = newToken({ name, actions, addresses, expiresAt }, now);
  const store = await openStore(flags);
  await store.put(record).finally(store.close);
  await printLine(text); // K1
  tell(`this is ${record.id}, good for ${goodFor(record)}; it is shown this once: whoever has it may do that`);
  leaveSoon();
}

async function listTokens(flags: Place & { readonly json: boolean }): Promise<void> {
  const store = await openStore(flags);
  await store.close();
  if (store.all.length === 0 && !wantsJson(flags)) tell('there are no tokens: `fillstream token create --name …`');
  for (const token of store.all) await printLine(wantsJson(flags) ? tokenJson(token) : tokenLine(token));
  leaveSoon();
}

async function revokeToken(id: string, flags: Place): Promise<void> {
  const store = await openStore(flags);
  try {
    const token = store.all.find((each) => each.id === id);
    if (token === undefined) throw new UsageError(`there is no token ${JSON.stringify(id)}: \`fillstream token list\``);
    if (token.revokedAt === null) await store.put({ ...token, revokedAt: Date.now() });
    tell(token.revokedAt === null ? `${id}: revoked` : `${id}: was revoked already, ${timeText(token.revokedAt)}`);
  } finally {
    await store.close();
  }
  leaveSoon();
}

async function openStore(flags: Place): Promise<Store> {
  return flags.data === undefined ? await openKafka(flags) : await openFolder(flags.data);
}

async function openFolder(folder: string): Promise<Store> {
  const { TOKENS_FILE, appendToken, readTokens } = await import('@fillstream/gateway/tokens/file-tokens');
  const { tokens, bad } = await readTokens(folder);
  if (bad.length > 0) tell(`${TOKENS_FILE}: lines ${bad.join(', ')} are no tokens, and count for nothing`);
  return { all: sorted([...tokens.values()]), put: async (token) => await appendToken(folder, token), close: async () => await Promise.resolve() };
}

async function openKafka(flags: KafkaFlags): Promise<Store> {
  const { kafka, registry } = kafkaOptions(flags);
  const [{ KafkaInputWriter }, { KafkaTokens }, { encodeToken }] = await Promise.all([
    import('@fillstream/kafka'), import('@fillstream/gateway/tokens/kafka-tokens'), import('@fillstream/schemas'),
  ]);
  const writer = await KafkaInputWriter.connect(kafka, registry, ['tokens']);
  try {
    const tokens = await KafkaTokens.follow(kafka, registry, { onTrouble: tell });
    await tokens.close();
    return {
      all: sorted(tokens.book.all),
      put: async (token) => await writer.note({ topic: 'tokens', key: token.id, timestamp: Date.now(), body: encodeToken(token) }),
      close: async () => await writer.close(),
    };
  } catch (error) {
    await writer.close();
    throw error;
  }
}

function sorted(tokens: readonly Token[]): readonly Token[] {
  return tokens.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}

function tokenJson({ hash: _, ...shown }: Token): string {
  return JSON.stringify({ ...shown, state: stateOf(shown, Date.now()) });
}

function tokenLine(token: Token): string {
  const { id, name, createdAt } = token;
  return [id, timeText(createdAt), stateOf(token, Date.now()).padEnd(7), goodFor(token), harmless(name)].join('  ');
}

function stateOf({ revokedAt, expiresAt }: Pick<Token, 'revokedAt' | 'expiresAt'>, now: number): 'good' | 'revoked' | 'expired' {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt <= now ? 'expired' : 'good';
}

function goodFor({ actions, addresses, expiresAt }: Token): string {
  const where = addresses === null ? 'all addresses' : `${String(addresses.length)} address${addresses.length === 1 ? '' : 'es'}`;
  return `${actions.join(',')} of ${where}${expiresAt === null ? '' : ` until ${timeText(expiresAt)}`}`;
}

function actionsOf<T extends string>(text: string, known: readonly T[]): readonly T[] {
  const names = new Set(text.split(',').map((name) => name.trim()));
  const strange = [...names].find((name) => !known.some((action) => action === name));
  if (strange !== undefined) throw new UsageError(`--actions: expected some of ${known.join(', ')}, got ${JSON.stringify(strange)}`);
  return known.filter((action) => names.has(action));
}

/** null: all. */
function addressesOf(texts: readonly string[] | undefined): readonly string[] | null {
  if (texts === undefined) return null;
  const addresses = new Set(texts.map((text) => {
    const address = checkAddress(text);
    if (address === null) throw new UsageError(`--address: expected 0x and 40 hex digits, got ${text}`);
    return address;
  }));
  if (addresses.size > MOST_ADDRESSES) throw new UsageError(`--address: expected at most ${String(MOST_ADDRESSES)}`);
  return [...addresses];
}

function nameOf(text: string): string {
  if (text === '' || text.length > NAME_CHARS || /\p{Cc}/u.test(text)) throw new UsageError(`--name: expected 1 to ${String(NAME_CHARS)} characters on one line`);
  return text;
}
