export { RedisConnection, checkRedis, type RedisOptions } from './connection.ts';
export { agreeOn } from './facts.ts';
export { RedisStore, type RedisStoreOptions } from './state-store.ts';
