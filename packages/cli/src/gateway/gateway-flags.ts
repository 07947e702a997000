// Where a gateway listens, and whom it lets in.

import { readFileSync } from 'node:fs';
import type { GatewayOptions, Limits } from '@fillstream/gateway';
import { InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { collected } from '../exchange-flags.ts';
import { endpoint, type Endpoint } from '../flags.ts';

export type GatewayFlags = {
  readonly listen: Endpoint;
  readonly open: boolean;
  readonly tokens: boolean;
  readonly allowOrigin?: readonly string[];
  readonly allowHost?: readonly string[];
  readonly trustedProxy?: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly limit?: Partial<Limits>;
};

/** What the flags say of `Gateway.start`'s options. */
export type Access = Pick<GatewayOptions, 'listen' | 'open' | 'allowedOrigins' | 'allowedHosts' | 'trustedProxies' | 'limits' | 'tls'>;

export const LISTEN: Endpoint = { host: '127.0.0.1', port: 8080 };

/** In docs/gateway.md, with what they mean. */
const LIMITS = [
  'connections', 'connectionsPerToken', 'connectionsPerIp', 'subscriptionsPerConnection', 'messagesPerMinute', 'requestsPerMinute', 'requestsAtOncePerIp', 'payloadBytes',
  'bufferBytes', 'drainMs', 'heartbeatMs', 'livesAtOnce',
] as const satisfies readonly (keyof Limits)[];

export function gatewayFlags(): Option[] {
  return [
    new Option('--listen <host:port>', 'where the gateway and its dashboard are').env('FILLSTREAM_LISTEN').argParser(endpoint).default(LISTEN, `${LISTEN.host}:${String(LISTEN.port)}`),
    new Option('--tokens', 'let nobody in without a token, on this machine neither (see `fillstream token`)').default(false),
    new Option('--open', 'let others in without a token, where --listen is no loopback address').default(false),
    new Option('--allow-origin <origin>', 'a web page that may connect, such as https://example.com; may be given several times').argParser(collected),
    new Option('--allow-host <name>', 'a name that this is reached by, such as signals.example.com; may be given several times').argParser(collected),
    new Option('--trusted-proxy <address>', 'its X-Forwarded-For is believed; may be given several times').argParser(collected),
    new Option('--limit <name=number>', `what a client may use: ${LIMITS.join(', ')}; may be given several times`).argParser(limit),
    new Option('--tls-cert <file>', 'serve https with this certificate (PEM)').env('FILLSTREAM_TLS_CERT'),
    new Option('--tls-key <file>', 'and this key (PEM)').env('FILLSTREAM_TLS_KEY'),
  ];
}

/** Throws UsageError. */
export function accessOf(flags: GatewayFlags): Access {
  const { listen, open, tokens, allowOrigin = [], allowHost = [], trustedProxy = [], limit: limits = {} } = flags;
  if (open && tokens) throw new UsageError('--open and --tokens: expected one of them');
  return { listen, open, allowedOrigins: allowOrigin, allowedHosts: allowHost, trustedProxies: trustedProxy, limits, ...tlsOf(flags) };
}

/** Others than this machine may reach it, unless it is `open` or this is loopback alone. */
export function needsTokens({ listen: { host }, open, tokens }: GatewayFlags): boolean {
  return tokens || (!open && !isLoopback(host));
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\./.test(host);
}

function limit(text: string, before: Partial<Limits> = {}): Partial<Limits> {
  const [, name, number] = /^([A-Za-z]+)=([0-9]{1,9})$/.exec(text) ?? [];
  const known = LIMITS.find((each) => each === name);
  if (known === undefined || Number(number) === 0) throw new InvalidArgumentError('Expected a limit such as connectionsPerIp=100.');
  return { ...before, [known]: Number(number) };
}

function tlsOf({ tlsCert, tlsKey }: GatewayFlags): Pick<Access, 'tls'> {
  if (tlsCert === undefined && tlsKey === undefined) return {};
  if (tlsCert === undefined || tlsKey === undefined) throw new UsageError('--tls-cert and --tls-key: expected both');
  return { tls: { cert: textOf('--tls-cert', tlsCert), key: textOf('--tls-key', tlsKey) } };
}

function textOf(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${flag}: can't read ${file} (${error instanceof Error ? error.message : String(error)})`);
  }
}
