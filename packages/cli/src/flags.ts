// What several commands' flags and endings share.

import { InvalidArgumentError } from 'commander';
import { parsePeriod } from './period.ts';

type Teller = (line: string, level: 'info' | 'error') => void;

let teller: Teller = (line) => {
  process.stderr.write(`fillstream: ${line}\n`);
};

/** A line for the user, beside what is piped on. */
export function tell(line: string, level: 'info' | 'error' = 'info'): void {
  teller(line, level);
}

/** For a service, whose lines belong to a log. */
export function tellThrough(other: Teller): void {
  teller = other;
}

/** Aborted by Ctrl-C, SIGTERM or after a time; a second Ctrl-C ends the process at once. */
export function stopper(afterMs: number | undefined): { readonly signal: AbortSignal; readonly dispose: () => void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const timer = afterMs === undefined ? null : setTimeout(() => controller.abort(), afterMs);
  return {
    signal: controller.signal,
    dispose: () => {
      if (timer !== null) clearTimeout(timer);
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    },
  };
}

/** Milliseconds of a time such as 30s. */
export function period(text: string): number {
  const ms = parsePeriod(text);
  if (ms === undefined) throw new InvalidArgumentError('Expected a time such as 30s or 10m.');
  return ms;
}

export function wholeNumber(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text) || text === '0') throw new InvalidArgumentError('Expected a whole number > 0.');
  return Number.parseInt(text, 10);
}

/** Where a server listens. */
export type Endpoint = { readonly host: string; readonly port: number };

export function endpoint(text: string): Endpoint {
  const match = /^(.*):([0-9]{1,5})$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Expected host:port, such as 127.0.0.1:9464.');
  return { host: match[1] === '' ? '127.0.0.1' : match[1] ?? '', port: Number(match[2]) };
}
