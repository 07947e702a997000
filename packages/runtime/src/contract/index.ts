export { eventLogContract, type EventLogTraits, type LogUnderTest, type Outputs } from './event-log.ts';
export {
  accountRecord, addressIn, fillRecord, journalOf, oidOf, tickRecord, topicsOf, updateRecord, type JournalRecord,
} from './records.ts';
export { stateStoreContract, type StoreUnderTest } from './state-store.ts';
