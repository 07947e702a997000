// How each fault of a plan is done and undone.

import assert from 'node:assert/strict';
import type { StackProcess } from '@fillstream/stack';
import type { Impairment } from '../proxy/conditions.ts';
import type { Link, LinkFault } from '../proxy/link.ts';
import { setClock } from './faketime.ts';
import { startedAgain } from './kept.ts';
import type { Deed, PartitionFrom, PartitionHow, Strike } from './plan.ts';
import type { Site } from './site.ts';

type Undo = () => Promise<void> | void;
/** A link of a target; `isItsOwn`: it leads from it, not to it. */
type End = { readonly link: Link; readonly isItsOwn: boolean };

const RESET_MS = 700;
const HOLE: Impairment = { isHole: true };

/** Resolves when it is done, with how it is undone. */
export async function strike(site: Site, { target, deed }: Pick<Strike, 'target' | 'deed'>): Promise<Undo> {
  switch (deed.kind) {
    case 'kill':
      return await kill(site, target);
    case 'stop':
      return freeze(site, target);
    case 'partition':
      return partition(endsOf(site, target, deed.from), deed.how);
    case 'slow':
      return slow(endsOf(site, target, 'everything'), deed);
    case 'clock': {
      const file = site.service(target).clock;
      setClock(file, deed.byMs);
      return () => setClock(file, 0);
    }
    case 'hold': {
      const hold = site.service(target).way.hold({ ...deed, forMs: null });
      return () => hold.lift();
    }
    case 'failover':
      return await failover(site, deed);
  }
}

async function kill(site: Site, target: string): Promise<Undo> {
  const service = site.services.get(target);
  if (service !== undefined) {
    await service.kept.kill();
    return () => service.kept.start();
  }
  const server = serverOf(site, target);
  await server.kill();
  return async () => {
    if (target.startsWith('redis')) await site.servers.redis.mend();
    else await startedAgain(server);
  };
}

function freeze(site: Site, target: string): Undo {
  const service = site.services.get(target);
  if (service !== undefined) {
    service.kept.signal('SIGSTOP');
    return () => service.kept.signal('SIGCONT');
  }
  const { pid } = serverOf(site, target);
  assert.ok(pid !== null, `${target} doesn't run`);
  process.kill(pid, 'SIGSTOP');
  return () => {
    process.kill(pid, 'SIGCONT');
  };
}

function serverOf({ servers }: Site, target: string): StackProcess {
  if (target.startsWith('redis')) return servers.redis.primary.process;
  if (target.startsWith('registry')) return servers.registry.process;
  const node = servers.kafka.nodes.find(({ id }) => target === `broker-${String(id)}`);
  assert.ok(node !== undefined, `no ${target}`);
  return node.process;
}

function partition(ends: readonly End[], how: PartitionHow): Undo {
  if (how === 'resets') {
    const timer = setInterval(() => {
      for (const { link } of ends) link.reset();
    }, RESET_MS);
    return () => clearInterval(timer);
  }
  const lifts = ends.map(({ link, isItsOwn }) => link.impair(faultOf(how, isItsOwn)));
  return () => {
    for (const lift of lifts) lift();
  };
}

function faultOf(how: Exclude<PartitionHow, 'resets'>, isItsOwn: boolean): LinkFault {
  if (how === 'cut') return { isCut: true };
  if (how === 'hole') return { up: HOLE, down: HOLE };
  return (how === 'hole-up') === isItsOwn ? { up: HOLE } : { down: HOLE };
}

function slow(ends: readonly End[], { delayMs, bytesPerSecond }: Extract<Deed, { readonly kind: 'slow' }>): Undo {
  const lifts = ends.map(({ link }) => link.impair({ up: { delayMs, bytesPerSecond }, down: { delayMs, bytesPerSecond } }));
  return () => {
    for (const lift of lifts) lift();
  };
}

/** Between it and what `from` says. */
function endsOf(site: Site, target: string, from: PartitionFrom): End[] {
  const isFor = (...sides: readonly PartitionFrom[]): boolean => from === 'everything' || sides.includes(from);
  const [sort = ''] = target.split('-');
  const service = site.services.get(target);
  if (service !== undefined) {
    const { way, registry, redis, exchange } = service;
    return [
      ...own(isFor('kafka') ? [...way.links.values(), registry] : []),
      ...own(isFor('redis') ? [redis] : []),
      ...own(isFor('exchange') ? [exchange] : []),
      ...led(sort === 'gateway' && isFor('clients') ? site.subscribers.map(({ link }) => link) : []),
    ];
  }
  const services = [...site.services.values()];
  if (sort === 'registry') return led(services.map(({ registry }) => registry));
  if (sort === 'redis') return led([
    ...(isFor('clients') ? services.map(({ redis }) => redis) : []),
    ...(isFor('replica') ? [site.servers.redis.replication] : []),
  ]);
  const id = target.slice('broker-'.length);
  const between = [...site.servers.between];
  return [
    ...led(isFor('clients') ? services.map(({ way }) => way.links.get(Number(id)) ?? null) : []),
    ...own(isFor('brokers') ? between.filter(([pair]) => pair.startsWith(`${id} `)).map(([, link]) => link) : []),
    ...led(isFor('brokers') ? between.filter(([pair]) => pair.endsWith(` ${id}`)).map(([, link]) => link) : []),
  ];
}

function own(links: readonly (Link | null)[]): End[] {
  return links.flatMap((link) => (link === null ? [] : [{ link, isItsOwn: true }]));
}

function led(links: readonly (Link | null)[]): End[] {
  return links.flatMap((link) => (link === null ? [] : [{ link, isItsOwn: false }]));
}

/** The primary dies, and some time later the replica takes its place; or, split, some see the new one and others the old one. */
async function failover(site: Site, { isSplit }: Extract<Deed, { readonly kind: 'failover' }>): Promise<Undo> {
  const { redis } = site.servers;
  if (!isSplit) {
    await redis.primary.process.kill();
    return async () => {
      await redis.promote();
      site.retargetRedis();
      await redis.mend();
    };
  }
  const [first] = site.of('processor').flatMap((service) => service.redis ?? []);
  await redis.promote();
  if (first !== undefined) site.retargetRedis([first]);
  return async () => {
    site.retargetRedis();
    await redis.mend();
  };
}
