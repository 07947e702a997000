export {
  INPUT_TOPICS, commitRecord, quarantineRecord, readCommit, repairRecord, signalRecord, toLogRecord, unreadableRecord,
  type Committed, type NewRecord,
} from './records.ts';
