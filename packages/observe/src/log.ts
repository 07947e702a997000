// What a service says of itself: lines for a person, or JSON by pino, a constant message with its data in fields.
//
// L1  A field that isn't listed here isn't written: what nobody thought of tells no secret.
// L2  Values that are secret are blanked wherever they turn up, also in the texts of other libraries.

import { pino } from 'pino';

/** All that may be written beside level, time, service and message. An address is public; an order's content is not logged. */
const FIELDS = [
  'partition', 'partitions', 'how', 'lost', 'replayed', 'ms', 'detail', 'address', 'addresses', 'reason', 'records', 'end', 'from', 'to',
  'capacity', 'call', 'change', 'url', 'version', 'webhook', 'ip', 'route', 'tokenId', 'connection', 'transport',
] as const;

type Field = string | number | boolean | null | readonly (string | number)[];

export type LogFields = { readonly [name in (typeof FIELDS)[number]]?: Field };

export type LogEntry = {
  /** Default info. */
  readonly level?: 'info' | 'warn' | 'error';
  /** The same at each time, to be searched and counted by. */
  readonly message: string;
  readonly fields?: LogFields;
  /** The whole of it in words. */
  readonly line: string;
};

export type Log = (entry: LogEntry) => void;

export type LogOptions = {
  readonly service: string;
  readonly format: 'text' | 'json';
  /** Passwords, where they are known. */
  readonly secrets?: readonly string[];
  readonly write: (line: string) => void;
};

export function createLog({ service, format, secrets = [], write }: LogOptions): Log {
  const blanked = blanking(secrets);
  if (format === 'text') return ({ line }) => write(blanked(`fillstream: ${line}\n`));
  const logger = pino({
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level) => ({ level }), log: listed },
  }, { write: (line) => write(blanked(line)) });
  return ({ level = 'info', message, fields = {} }) => logger[level](fields, message);
}

/** L1. */
function listed(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(FIELDS.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])));
}

/** L2: as it is, as JSON has it, and in Base64. */
function blanking(secrets: readonly string[]): (text: string) => string {
  const forms = secrets.filter((secret) => secret !== '')
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString('base64')]);
  return (text) => forms.reduce((left, form) => left.replaceAll(form, '***'), text);
}
