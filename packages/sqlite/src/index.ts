export { Database } from './database.ts';
export { SqliteLog, type SqliteLogOptions } from './event-log.ts';
export { SqliteStore } from './state-store.ts';
