// Which phase of a record's path a sample of a CPU profile belongs to, by the innermost function of its stack that names one.

/** In the order in which a record meets them; then what nobody asked for. */
export const PHASES = [
  'ingest',
  'take',
  'decode',
  'prefetch',
  'decide',
  'encode',
  'send',
  'commit',
  'checkpoint',
  'i/o',
  'other',
  'gc',
  'idle',
] as const;
export type Phase = (typeof PHASES)[number];

export type Frame = { readonly functionName: string; readonly url: string; readonly lineNumber: number };

type Rule = { readonly phase: Phase; readonly url: RegExp; readonly names?: RegExp };

/** The first that fits a function says its phase. */
const RULES: readonly Rule[] = [
  { phase: 'decode', url: /packages\/topics\/src\/records\.ts$/, names: /^(?:toLogRecord|unreadableRecord|jsonOf)$/ },
  { phase: 'decode', url: /packages\/kafka\/src\/(?:log-records|wire-format)\.ts$/, names: /^(?!frame)/ },
  { phase: 'decode', url: /packages\/hyperliquid\/src\/record\.ts$/ },
  { phase: 'encode', url: /packages\/topics\/src\/records\.ts$/ },
  { phase: 'encode', url: /packages\/kafka\/src\/wire-format\.ts$/ },
  { phase: 'prefetch', url: /packages\/runtime\/src\/checkpointer\.ts$/, names: /prefetch|wantsOf|restore/ },
  { phase: 'prefetch', url: /packages\/runtime\/src\/loop\.ts$/, names: /^latest$/ },
  { phase: 'checkpoint', url: /packages\/runtime\/src\/(?:checkpointer|state-codec)\.ts$/ },
  { phase: 'checkpoint', url: /packages\/redis\/src\/|packages\/sqlite\/src\/state-store\.ts$|ioredis|redis-parser|@ioredis/ },
  { phase: 'decide', url: /packages\/runtime\/src\/(?:decide|history|tally)\.ts$/ },
  {
    phase: 'commit',
    url: /kafkajs\/src\/(?:producer\/eosManager|protocol\/requests\/(?:addOffsetsToTxn|addPartitionsToTxn|endTxn|txnOffsetCommit|initProducerId))/,
  },
  {
    phase: 'send',
    url: /kafkajs\/src\/(?:producer\/|protocol\/(?:requests\/produce|recordBatch\/(?:v0|record\/v0)\/(?:index|encoder|encode)))/,
  },
  { phase: 'send', url: /kafkajs\/src\/protocol\/encoder\.js$/ },
  { phase: 'take', url: /kafkajs\/src\/(?:consumer\/|protocol\/(?:requests\/fetch|recordBatch|decoder))/ },
  {
    phase: 'take',
    url: /packages\/kafka\/src\/(?:backlog|feed|bell|shared-topic|topic-reader|membership|min-heap|assigner)\.ts$|packages\/sqlite\/src\/(?:rows|log-reader)\.ts$/,
  },
  { phase: 'take', url: /packages\/(?:kafka|sqlite)\/src\/partition-log\.ts$/, names: /take|earliest|next/i },
  { phase: 'take', url: /packages\/sqlite\/src\/event-log\.ts$/, names: /^read|^changed$/ },
  { phase: 'ingest', url: /packages\/sqlite\/src\/event-log\.ts$/, names: /^(?:append|#appendInput)$/ },
  {
    phase: 'commit',
    url: /packages\/kafka\/src\/(?:outputs|partition-log|committed-offsets|last-applied)\.ts$|packages\/sqlite\/src\/partition-log\.ts$/,
  },
  { phase: 'commit', url: /packages\/sqlite\/src\/event-log\.ts$/, names: /appendOutputs/ },
  { phase: 'send', url: /packages\/cli\/src\/start\//, names: /^(?:show|#readPartition|#readAll)$/ },
  {
    phase: 'ingest',
    url: /services\/ingestor\/src\/|packages\/hyperliquid\/src\/(?:journal|live|node)\/|schemas\/src\/encode-input\.ts$/,
  },
  { phase: 'i/o', url: /kafkajs\/src\/(?:network|broker|cluster|protocol)\// },
  { phase: 'i/o', url: /^node:(?:net|internal\/stream_base_commons|internal\/streams)/ },
];
const ENGINE: Readonly<Record<string, Phase>> = {
  '(garbage collector)': 'gc',
  '(idle)': 'idle',
  '(program)': 'other',
  '(root)': 'other',
};

/** `stack` from the innermost function outwards. */
export function phaseOf(stack: readonly Frame[]): Phase {
  const engine = ENGINE[stack[0]?.functionName ?? ''];
  if (engine !== undefined) return engine;
  for (const { functionName, url } of stack) {
    const rule = RULES.find(({ url: place, names }) => place.test(url) && (names?.test(functionName) ?? true));
    if (rule !== undefined) return rule.phase;
  }
  return 'other';
}
