// Who may do what in Redis, as lines of its `aclfile`: keys of one installation, and the commands that are sent, those that
// scripts call among them.
//
// A1  The processor alone writes state. The operator reads it; what `doctor` tries it may write on keys that only `doctor` has.

/** The processor, and whoever operates it; `reset` writes state, and logs in as the processor. */
export const REDIS_ROLES = ['processor', 'operator'] as const;
export type RedisRole = (typeof REDIS_ROLES)[number];

/** For a Cluster; INFO is asked by the client when it connects. */
const SERVER = ['ping', 'info', 'cluster|slots', 'cluster|info'];
const READ = ['get', 'hget', 'hgetall', 'hlen', 'hmget', 'hscan'];
/** With the scripts that they are called from. */
const STATE = [...READ, 'del', 'eval', 'evalsha', 'exists', 'hdel', 'hset', 'hsetnx', 'set', 'unlink'];

/** `#` and a SHA-256 in hex for a password; without one nobody gets in. */
export type RedisUser = { readonly role: RedisRole; readonly name: string; readonly passwordHash: string | null };

/** The lines; nobody else gets in. */
export function aclLines(users: readonly RedisUser[], namespace: string): readonly string[] {
  const prefix = namespace === '' ? 'fillstream' : namespace;
  return ['user default off', ...users.map(({ role, name, passwordHash }) => (
    `user ${name} on ${passwordHash === null ? 'resetpass' : `#${passwordHash}`} ${rightsOf(role, prefix)}`
  ))];
}

/** A1. A selector, which Redis has from 7 on, gives commands on keys of its own. */
function rightsOf(role: RedisRole, prefix: string): string {
  switch (role) {
    case 'processor': return `~${prefix}:* -@all ${allowed([...SERVER, ...STATE])}`;
    case 'operator': return `%R~${prefix}:* -@all ${allowed([...SERVER, ...READ, 'pttl', 'time'])} (~${prefix}:{doctor}:* -@all ${allowed(STATE)})`;
  }
}

function allowed(commands: readonly string[]): string {
  return commands.map((command) => `+${command}`).join(' ');
}
