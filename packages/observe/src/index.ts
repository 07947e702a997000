export { IngestorMetrics, type IngestEvent, type IngestStanding } from './ingestor-metrics.ts';
export { ProcessorMetrics } from './processor-metrics.ts';
export { serve, type Observed, type Served, type Verdict } from './server.ts';
