export { ProcessorMetrics } from './processor-metrics.ts';
export { serve, type Observed, type Served, type Verdict } from './server.ts';
