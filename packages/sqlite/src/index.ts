export { Database } from './database.ts';
export { SqliteLog, type SqliteLogOptions } from './event-log.ts';
export { INPUT_TOPICS } from './rows.ts';
export { SqliteStore } from './state-store.ts';
