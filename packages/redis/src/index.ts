export { RedisConnection, checkRedis, type RedisOptions } from './connection.ts';
export { RedisStore, type RedisStoreOptions } from './state-store.ts';
