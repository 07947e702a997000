// Redis: its servers, and what the login may do there.

import type { RefusedCommand, ServerFacts } from '@fillstream/redis';
import { broken, ok, warning, type Finding } from './finding.ts';
import { bytes } from './units.ts';

const LEAST_VERSION = 7;
const POLICY = 'noeviction';
const FULL = 0.9;

export function serverFindings(server: ServerFacts): readonly Finding[] {
  return [versionFinding(server), roleFinding(server), policyFinding(server), memoryFinding(server), persistenceFinding(server)];
}

function command({ address }: ServerFacts, text: string): string {
  const colon = address.lastIndexOf(':');
  return `redis-cli -h ${address.slice(0, colon)} -p ${address.slice(colon + 1)} ${text}`;
}

function versionFinding({ address, version }: ServerFacts): Finding {
  const [check, expected] = [`redis ${address}`, `version ${String(LEAST_VERSION)} or newer`];
  if (Number.parseInt(version, 10) >= LEAST_VERSION) return ok(check, `answers, version ${version}`, expected);
  return warning(check, `answers, version ${version}`, expected, 'update Redis: older ones were not tested');
}

function roleFinding(server: ServerFacts): Finding {
  const [check, expected] = [`redis ${server.address} role`, 'a master, which may be written to'];
  if (server.role === 'master') return ok(check, 'master', expected);
  const mend = `name the master in --redis (${command(server, 'INFO replication')} tells which), or, if it is lost, ${command(server, 'REPLICAOF NO ONE')}`;
  return broken(check, 'a replica: it takes no writes', expected, mend);
}

function policyFinding(server: ServerFacts): Finding {
  const check = `redis ${server.address} maxmemory-policy`;
  if (server.policy === POLICY) {
    return server.evictedKeys === 0 ? ok(check, POLICY, POLICY)
      : warning(check, `${POLICY} now, but ${String(server.evictedKeys)} keys were evicted since its start`, POLICY, `none: what was lost is noticed and rebuilt; ${command(server, 'CONFIG RESETSTAT')} forgets it`);
  }
  return broken(check, `${server.policy}: it drops the state of orders when memory is short`, POLICY, `${command(server, `CONFIG SET maxmemory-policy ${POLICY}`)}, and the same in redis.conf`);
}

function memoryFinding(server: ServerFacts): Finding {
  const { used, limit } = server.memory;
  const check = `redis ${server.address} memory`;
  if (limit === 0) return ok(check, `${bytes(used)}, no maxmemory`, 'below maxmemory');
  const expected = `less than ${String(100 * FULL)} % of maxmemory`;
  const found = `${bytes(used)} of ${bytes(limit)} (${String(Math.round(100 * used / limit))} %)`;
  if (used < FULL * limit) return ok(check, found, expected);
  const mend = `${command(server, 'CONFIG SET maxmemory BYTES')} with more of them, and the same in redis.conf`;
  return used < limit ? warning(check, found, expected, mend) : broken(check, `${found}: nothing more is stored`, expected, mend);
}

function persistenceFinding(server: ServerFacts): Finding {
  const { isAppendOnly, savePoints, isWriteBroken } = server;
  const [check, expected] = [`redis ${server.address} persistence`, 'appendonly yes'];
  const mend = `${command(server, 'CONFIG SET appendonly yes')}, and the same in redis.conf`;
  if (isWriteBroken) return broken(check, 'its last write to disk failed', expected, `look at its log and its disk: ${command(server, 'INFO persistence')}`);
  if (isAppendOnly) return ok(check, 'appendonly yes', expected);
  if (savePoints === '') return warning(check, 'none: after a restart all state is rebuilt from the log', expected, mend);
  const found = savePoints === null ? 'appendonly no; whether it saves can\'t be read' : `snapshots (${savePoints}): after a crash some minutes are read again from the log`;
  return ok(check, found, expected);
}

/** On a replica nothing is tried. */
export function rightsFinding(refused: readonly RefusedCommand[], username: string | null, namespace: string): Finding {
  const [check, expected] = ['redis rights', 'all commands of the store'];
  const [first] = refused;
  if (first === undefined) return ok(check, 'all commands of the store were tried', expected);
  const names = refused.map(({ command: name }) => name);
  const found = `refused: ${names.join(', ')} (${first.why})`;
  if (!refused.some(({ why }) => why.startsWith('NOPERM'))) return broken(check, found, expected, 'look at the other findings about Redis; then run doctor again');
  const keys = `~${namespace === '' ? 'fillstream' : namespace}:*`;
  return broken(check, found, expected, `redis-cli ACL SETUSER ${username ?? 'default'} '${keys}' ${names.map((name) => `+${name}`).join(' ')}`);
}
