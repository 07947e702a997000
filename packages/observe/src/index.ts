export type { ProcessorStanding } from './processor-gauges.ts';
export { IngestorMetrics, type Arrival, type IngestEvent, type IngestStanding, type IngestorMetricsOptions } from './ingestor-metrics.ts';
export { ProcessorMetrics, type ProcessorMetricsOptions } from './processor-metrics.ts';
export { createLog, type Log, type LogEntry, type LogFields, type LogOptions } from './log.ts';
export { asked, counted, countedBy, measuredBy, newRegistry, type Told } from './registry.ts';
export { serve, type Observed, type Served, type Verdict } from './server.ts';
