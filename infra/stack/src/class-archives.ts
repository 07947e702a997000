// Kafka and the registry started once to leave archives of their classes, which every later start reads (jvm.ts).

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Artifacts } from './artifacts.ts';
import { StackError } from './errors.ts';
import { startKafka } from './kafka.ts';
import type { StackProcess } from './process.ts';
import { startRegistry } from './registry.ts';

const WRITING_LIMIT_MS = 120_000;

/** Fills a folder with the archives. Throws StackError. */
export async function recordClasses(folder: string, programs: Pick<Artifacts, 'java' | 'kafka' | 'registry'>): Promise<void> {
  const data = join(folder, 'data');
  mkdirSync(data);
  const options = { folder: data, artifacts: { ...programs, classes: { folder, isRecording: true } }, shortLived: true };
  const [kafka, registry] = await Promise.all([startKafka({ ...options, brokers: 1 }), startRegistry(options)]);
  await Promise.all([...kafka.nodes, registry].map(async ({ process }) => await written(process)));
  rmSync(data, { recursive: true });
}

/** Ends it, and waits as long as it writes. */
async function written(process: StackProcess): Promise<void> {
  process.dismiss();
  if (await process.ended(WRITING_LIMIT_MS)) return;
  await process.kill();
  throw new StackError('failed', `${process.spec.name} didn't end within ${String(WRITING_LIMIT_MS / 1_000)} s`);
}
