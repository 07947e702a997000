export { Database } from './database.ts';
export { SqliteLog, type SqliteLogOptions } from './event-log.ts';
export { LogReader, type StoredRecord } from './log-reader.ts';
export { SqliteStore } from './state-store.ts';
