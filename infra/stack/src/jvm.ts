// How a JVM is told to be ready soon: what it reads its classes from, and for how long it will live.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * For one that lives for seconds or minutes, not days: one collector without threads of its own, and only the first of two
 * compilers, as what the second one makes of hot code isn't earned back. It is ready in half the time.
 */
export const SHORT_LIFE: readonly string[] = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

/** What can't be archived, or used, is told nobody: it is slower, and that is all. */
const QUIET = '-Xlog:cds*=off';

export type Program = 'broker' | 'format' | 'registry';

/** Archives of classes, parsed and verified: with its own a program starts in half the time, for half of the processor's. */
export interface ClassArchives {
  readonly folder: string;
  /** True: a program leaves its archive there as it ends. */
  readonly isRecording: boolean;
}

export function archiveOf(folder: string, program: Program): string {
  return join(folder, `${program}.jsa`);
}

/** Without its archive, or with one of another Java or of other jars, a program starts all the same. */
export function classArguments({ folder, isRecording }: ClassArchives, program: Program): readonly string[] {
  const file = archiveOf(folder, program);
  if (isRecording) return [`-XX:ArchiveClassesAtExit=${file}`, QUIET];
  return existsSync(file) ? [`-XX:SharedArchiveFile=${file}`, QUIET] : [];
}
