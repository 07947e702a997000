export {
  INPUT_TOPICS, commitRecord, quarantineRecord, readCommit, signalRecord, toLogRecord, unreadableRecord, type Committed, type NewRecord,
} from './records.ts';
