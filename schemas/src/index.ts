export { bodyReader } from './avro.ts';
export { incompatibilities } from './compatible.ts';
export { encodeCommit, decodeCommit, type Commit, type Run } from './commit.ts';
export { decodeInput, type DecodedInput } from './decode-input.ts';
export {
  encodeCutLine, encodeInput, encodeRecord, encodeTick, type CutLine, type EncodedInput, type Line,
} from './encode-input.ts';
export type { Cut } from './input-bodies.ts';
export { decodeQuarantined, encodeQuarantined, type Quarantined } from './quarantined.ts';
export { SchemaError, type SchemaErrorCode } from './schema-error.ts';
export { SUBSCRIBER_TOPICS, TOPICS, schemaTextOf, type InputTopic, type Topic } from './schemas.ts';
export { decodeSignal, encodeSignal, type Signal } from './signal.ts';
export {
  decodeToken, decodeWebhook, decodeWebhookDeadLetter, encodeToken, encodeWebhook, encodeWebhookDeadLetter,
  type Token, type Webhook, type WebhookDeadLetter,
} from './subscribers.ts';
export {
  decodeGap, decodeIngestProgress, decodeRepair, decodeWatched, encodeGap, encodeIngestProgress, encodeRepair, encodeWatched,
  type Gap, type IngestProgress, type Repair, type Watched,
} from './upkeep.ts';
