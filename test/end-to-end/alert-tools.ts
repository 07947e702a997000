// What installations for alerts are made with: a market that comes now, an ingestor, commands, and processes that end with the test.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { KafkaInputWriter } from '@fillstream/kafka';
import { encodeInput } from '@fillstream/schemas';
import type { FakeExchange } from '@fillstream/simulator/exchange';
import { SESSION_MS, type Installation, type JoinedServers } from './cluster.ts';
import { fillstream, start, type Running } from './command.ts';
import { SEED, START_AT, marketLines } from './journals.ts';

export const HOST = '127.0.0.1';
export const PARTITIONS = 3;
/** A time of a market that began at START_AT. */
const TIME = new RegExp(`\\b${String(START_AT).slice(0, 4)}\\d{9}\\b`, 'g');

/** A journal that goes on when it is told to. */
export class Market {
  readonly #writer: KafkaInputWriter;
  readonly #lines: readonly string[];
  #written = 0;

  static async open(t: TestContext, installation: Installation, records: number): Promise<Market> {
    const writer = await installation.writer();
    t.after(async () => await writer.close());
    return new Market(writer, marketLines({ seed: SEED, addresses: 20, records, shares: { duplicates: 0, lateFills: 0 } }));
  }

  private constructor(writer: KafkaInputWriter, lines: readonly string[]) {
    [this.#writer, this.#lines] = [writer, lines];
  }

  /** Its next records, as if they came now. */
  async write(records = 500): Promise<void> {
    const lines = this.#lines.slice(this.#written, this.#written + records);
    assert.equal(lines.length, records, 'the journal has ended');
    this.#written += records;
    await this.#writer.append(lines.map((line) => encodeInput(asOf(Date.now(), line))));
  }
}

/** A journal's line with all its times moved, so that it is received then. */
function asOf(receivedAt: number, line: string): string {
  const shift = receivedAt - Number(/"receivedAt":(\d+)/.exec(line)?.[1]);
  return line.replaceAll(TIME, (time) => String(Number(time) + shift));
}

/** What every command needs to find an installation. */
export function flagsOf({ kafka, registry }: JoinedServers, namespace: string): readonly string[] {
  return ['--kafka', kafka.bootstrap, '--registry', registry.url, '--namespace', namespace];
}

export function startIngestor(t: TestContext, exchange: FakeExchange, ...flags: readonly string[]): Running {
  return owned(t, start(['ingestor', '--exchange', exchange.url, '--session-timeout', String(SESSION_MS), ...flags]));
}

/** The test ends it. */
export function owned(t: TestContext, running: Running): Running {
  t.after(async () => {
    running.kill('SIGKILL');
    await running.ended;
  });
  return running;
}

/** Runs a command; gives what it printed. */
export async function run(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await fillstream(args);
  assert.equal(code, 0, stderr);
  return stdout.trimEnd();
}
