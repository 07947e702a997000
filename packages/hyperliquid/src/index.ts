export { checkAddress, readRecord } from './record.ts';
export { JournalError, STANDARD_INPUT, bytesOf, isPlainFile, openJournal, statJournal, type JournalBytes } from './journal/open.ts';
export { JournalMerge, JournalReader, journalRecord, type JournalRecord, type RecordSource } from './journal/reader.ts';
export { HEAD_BYTES, LineSource, MAX_LINE_BYTES, type Line } from './journal/line-source.ts';
export { readNodeLine, type NodeRecord } from './node/node-line.ts';
export { NodeFiles, listNodeFiles, type NodeFilesOptions } from './node/node-files.ts';
