export { runDemo, type DemoFeedOptions } from './demo.ts';
export { importJournal, type ImportOptions } from './journal-import.ts';
export { importMerged, type MergedImportOptions } from './merged-import.ts';
export type { InputSink } from './sink.ts';
