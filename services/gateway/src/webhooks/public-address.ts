// Which addresses a webhook may be reached at: those of the public internet. A gateway's own network isn't, nor is the machine:
// who may name a URL must not be able to post to what only they can reach.

import { lookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

const V4: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24],
  ['192.0.2.0', 24], ['192.88.99.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24], ['203.0.113.0', 24], ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
/** The only global unicast addresses that there are, and what of them isn't anybody's or carries an IPv4 address. */
const V6_GLOBAL = ['2000::', 3] as const;
const V6: readonly (readonly [network: string, prefix: number])[] = [['2001::', 23], ['2001:db8::', 32], ['2002::', 16], ['3fff::', 20]];

const closed = new BlockList();
const global6 = new BlockList();
for (const [network, prefix] of V4) closed.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of V6) closed.addSubnet(network, prefix, 'ipv6');
global6.addSubnet(...V6_GLOBAL, 'ipv6');

/** False for what is no IP address. One of IPv6 that stands for one of IPv4 isn't public: nobody needs it. */
export function isPublic(address: string): boolean {
  switch (isIP(address)) {
    case 4: return !closed.check(address, 'ipv4');
    case 6: return global6.check(address, 'ipv6') && !closed.check(address, 'ipv6');
    default: return false;
  }
}

export class NotPublicError extends Error {
  override readonly name = 'NotPublicError';
  readonly code = 'NOT_PUBLIC';

  constructor() {
    super('its host has no public address');
  }
}

/** For a client's sockets: only public addresses of a name are found, so what is checked is what is connected to. */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found: readonly LookupAddress[] | undefined) => {
    const open = (found ?? []).filter(({ address }) => isPublic(address));
    const [first] = open;
    if (error !== null) callback(error, '', 0);
    else if (first === undefined) callback(new NotPublicError(), '', 0);
    else if (options.all === true) callback(null, [...open]);
    else callback(null, first.address, first.family);
  });
};
