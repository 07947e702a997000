// Refused records as the topic `quarantine` has them: read, and shown.

import { isUtf8 } from 'node:buffer';
import type { KafkaOptions, RegistryOptions, Stretch, StretchRecord, WireFormat } from '@fillstream/kafka';
import { PortError } from '@fillstream/runtime';
import { decodeQuarantined, type Quarantined } from '@fillstream/schemas';
import { tell } from '../flags.ts';
import { expectedOf } from './expected.ts';
import { harmless, timeText } from './output.ts';
import { parsedJson } from './record-json.ts';
import { placeText, type Place } from './where.ts';

export const QUARANTINE = 'quarantine';

/** Where it stands on the topic `quarantine`, and what is there. */
export type Entry = { readonly place: Place; readonly refused: Quarantined };

const HEX_BYTES = 16;
/** Of a record's bytes on a page. */
const SHOWN_BYTES = 4_096;
/** Of a record's text in a list. */
const SHOWN_CHARS = 100;

/** The records of stretches of the topic, as they come. Throws PortError. */
export async function* readEntries(kafka: KafkaOptions, registry: RegistryOptions, stretches: readonly Stretch[]): AsyncGenerator<Entry> {
  const { StretchReader, WireFormat: Format, nameIn, registryOf } = await import('@fillstream/kafka');
  const format = await Format.of(registryOf(registry), QUARANTINE, nameIn(kafka.namespace, QUARANTINE), kafka.onTrouble);
  const reader = await StretchReader.open(kafka, stretches);
  try {
    for (let record = await reader.nextOfAny(); record !== null; record = await reader.nextOfAny()) {
      const entry = await entryOf(record, format);
      if (entry !== null) yield entry;
    }
  } finally {
    await reader.close();
  }
}

/** In the order of the places. Throws PortError when one of them has no record. */
export async function entriesAt(kafka: KafkaOptions, registry: RegistryOptions, places: readonly Place[]): Promise<Entry[]> {
  const { boundsOf } = await import('@fillstream/kafka');
  const bounds = await boundsOf(kafka, QUARANTINE);
  const stretches = Array.from(Map.groupBy(places, ({ partition }) => partition), ([partition, group]): Stretch => {
    const [low, high] = [bounds.find((each) => each.partition === partition)?.low ?? 0, bounds.find((each) => each.partition === partition)?.high ?? 0];
    const least = group.reduce((at, { offset }) => Math.min(at, offset), Infinity);
    const greatest = group.reduce((at, { offset }) => Math.max(at, offset), 0);
    return { topic: QUARANTINE, partition, from: Math.max(low, least), to: Math.min(high, greatest + 1) };
  });
  const found = new Map<string, Entry>();
  for await (const entry of readEntries(kafka, registry, stretches)) found.set(placeText(entry.place), entry);
  return places.map((place) => {
    const entry = found.get(placeText(place));
    if (entry !== undefined) return entry;
    throw new PortError('unknown-position', `there is no refused record ${placeText(place)}: \`fillstream quarantine list\` shows what there is`, { retryable: false });
  });
}

/** null, and told, for what is no body of ours. */
async function entryOf({ partition, offset, value }: StretchRecord, format: WireFormat): Promise<Entry | null> {
  try {
    await format.learn([value]);
    return { place: { partition, offset }, refused: decodeQuarantined(format.unframe(value) ?? Buffer.alloc(0)) };
  } catch {
    tell(`quarantine/${String(partition)} at offset ${String(offset)} can't be read`);
    return null;
  }
}

/** One line of JSON: the record as JSON with every digit as it came, else as text, with `base64` beside what is no text. */
export function entryJson({ place, refused }: Entry, more: Readonly<Record<string, unknown>> = {}): string {
  const { reason, receivedAt, original, cut } = refused;
  const head = JSON.stringify({ place: placeText(place), reason, from: originOf(refused), receivedAt, ...more, ...(cut === null ? {} : { cut }) });
  if (!isUtf8(original)) return `${head.slice(0, -1)},"record":${JSON.stringify(original.toString('utf8'))},"base64":"${original.toString('base64')}"}`;
  const text = original.toString('utf8');
  return `${head.slice(0, -1)},"record":${parsedJson(text) !== undefined ? text.replace(/[\r\n]/g, ' ') : JSON.stringify(text)}}`;
}

export function entryLine({ place, refused }: Entry): string {
  const { reason, receivedAt, original } = refused;
  const text = isUtf8(original) ? harmless(original.subarray(0, 4 * SHOWN_CHARS).toString('utf8')).slice(0, SHOWN_CHARS) : `0x${original.subarray(0, SHOWN_CHARS / 2).toString('hex')}`;
  return `${placeText(place).padEnd(10)} ${reason.padEnd(17)} ${originOf(refused).padEnd(20)} ${receivedAt === null ? 'no time'.padEnd(23) : timeText(receivedAt)}  ${text}`;
}

/** A page about one of them. */
export function entryPage({ place, refused }: Entry): string {
  const { reason, topic, partition, offset, receivedAt, original, cut } = refused;
  const received = receivedAt === null ? 'it has no time that can be read' : `received ${timeText(receivedAt)} UTC`;
  const expected = expectedOf(refused);
  return [
    `refused   ${placeText(place)}: ${reason}`,
    `from      ${topic}, partition ${String(partition)}, offset ${String(offset)}; ${received}`,
    ...expected.map((line, number) => `${number === 0 ? 'expected' : '        '}  ${harmless(line)}`),
    cut === null ? `record    ${String(original.length)} bytes` : `record    the first ${String(original.length)} of ${String(cut.length)} bytes, sha256 ${cut.sha256}`,
    isUtf8(original) ? textPage(original.toString('utf8')) : hexPage(original),
  ].join('\n');
}

export function originOf({ topic, partition, offset }: Pick<Quarantined, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${String(partition)}/${String(offset)}`;
}

/** Its own text, every digit as it came, each line indented; JSON on more lines where that changes nothing of it. */
function textPage(text: string): string {
  const shown = text.length > SHOWN_BYTES ? `${text.slice(0, SHOWN_BYTES)}… (--json has all of it)` : prettyJson(text);
  return shown.split('\n').map((line) => `  ${harmless(line)}`).join('\n');
}

/** Only where the text comes back from its value: a number of many digits wouldn't. */
function prettyJson(text: string): string {
  const value = parsedJson(text);
  return JSON.stringify(value) === text ? JSON.stringify(value, null, 2) : text;
}

function hexPage(bytes: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, SHOWN_BYTES); at += HEX_BYTES) {
    const some = bytes.subarray(at, at + HEX_BYTES);
    const hex = (some.toString('hex').match(/../g) ?? []).join(' ');
    lines.push(`  ${at.toString(16).padStart(6, '0')}  ${hex.padEnd(3 * HEX_BYTES - 1)}  ${some.toString('latin1').replace(/[^\x20-\x7e]/g, '.')}`);
  }
  if (bytes.length > SHOWN_BYTES) lines.push(`  … (--json has all ${String(bytes.length)} bytes)`);
  return lines.join('\n');
}
