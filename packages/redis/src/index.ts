export { REDIS_ROLES, aclLines, type RedisRole, type RedisUser } from './acl.ts';
export { RedisConnection, checkRedis, type RedisOptions } from './connection.ts';
export { agreeOn } from './facts.ts';
export { inspectServers, tryCommands, type RefusedCommand, type ServerFacts } from './inspect.ts';
export { deadlinesOf, inspectPartition, storedFacts, type Deadlines, type StoredPartition } from './inspect-state.ts';
export { REDIS_ERROR_KINDS, type RedisErrorKind } from './patience.ts';
export { peekOrder, type PeekedOrder } from './peek.ts';
export { RedisStore, type RedisStoreOptions } from './state-store.ts';
export { usageOf, type RedisUsage } from './usage.ts';
