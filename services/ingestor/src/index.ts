export { importJournal, type ImportOptions } from './journal-import.ts';
export { importMerged, type Imported, type MergedImportOptions } from './merged-import.ts';
export type { InputSink } from './sink.ts';
