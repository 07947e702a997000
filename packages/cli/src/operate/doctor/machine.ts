// This machine: Node, disks, its clock.

import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { broken, ok, warning, type Finding } from './finding.ts';
import { bytes, duration } from './units.ts';

const LEAST_NODE = 24;
/** A spill file or a log that meets a full disk stops what writes it. */
const LEAST_FREE = 2 ** 30;
const NO_ROOM = 64 * 2 ** 20;
/** Kafka refuses inputs that are a minute ahead; some seconds of grace are the fold's shortest wait. */
const SKEW_MS = 1_000;
const GREATEST_SKEW_MS = 30_000;

/** `version` as Node says it, such as 26.10.0. */
export function nodeFinding(version: string): Finding {
  const [check, expected] = ['Node', `${String(LEAST_NODE)} or newer`];
  if (Number.parseInt(version, 10) >= LEAST_NODE) return ok(check, version, expected);
  return broken(check, version, expected, 'npm install (it brings a Node along that is new enough)');
}

/** The disk of a folder that may not be there yet. */
export function diskFinding(check: string, folder: string): Finding {
  const path = resolve(folder);
  const held = nearest(path);
  const expected = `${bytes(LEAST_FREE)} free, and the right to write`;
  try {
    accessSync(held, constants.W_OK);
    const { bavail, bsize } = statfsSync(held);
    const free = bavail * bsize;
    const found = `${bytes(free)} free at ${path}`;
    if (free >= LEAST_FREE) return ok(check, found, expected);
    const mend = `df -h ${held}, and make room there; or another folder by ${check === 'spill disk' ? '--spill' : '--data'}`;
    return free < NO_ROOM ? broken(check, found, expected, mend) : warning(check, found, expected, mend);
  } catch (error) {
    return broken(check, `${path}: ${error instanceof Error ? error.message : String(error)}`, expected, `chown or chmod ${held}, or name another folder`);
  }
}

function nearest(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearest(dirname(path));
}

/** What another machine said, and when (ms by this one's clock) it was asked and had answered. */
export type ClockReading = { readonly at: number; readonly askedAt: number; readonly answeredAt: number };

/** `resolutionMs`: the other clock was cut off to whole such units. */
export function clockFinding(check: string, { at, askedAt, answeredAt }: ClockReading, resolutionMs: number): Finding {
  const skew = at + resolutionMs / 2 - (askedAt + answeredAt) / 2;
  const doubt = (answeredAt - askedAt + resolutionMs) / 2;
  const sure = Math.max(0, Math.abs(skew) - doubt);
  const expected = `at most ${duration(SKEW_MS)} apart from this machine's clock`;
  if (sure <= SKEW_MS) return ok(check, `${duration(Math.abs(skew))} apart, ± ${duration(doubt)}`, expected);
  const found = `${duration(Math.abs(skew))} ${skew > 0 ? 'ahead of' : 'behind'} this machine's clock, ± ${duration(doubt)}`;
  const mend = 'timedatectl set-ntp true, on both machines';
  return sure > GREATEST_SKEW_MS ? broken(check, found, expected, mend) : warning(check, found, expected, mend);
}
