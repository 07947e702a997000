export type { JournalWritten } from './journal.ts';
export type { Leg, LegTotals, LedgerCounts, OrderTotals } from './ledger.ts';
export type { MarketOptions, Shares } from './options.ts';
export type { Witness } from './market.ts';
export type {
  AccountData, AccountRecord, FillData, FillRecord, JournalRecord, OrderUpdateData, OrderUpdateRecord, TickRecord,
} from './record.ts';
export { writeJournal } from './journal.ts';
export { Ledger } from './ledger.ts';
export { market } from './market.ts';
export { DEFAULT_SHARES } from './options.ts';
