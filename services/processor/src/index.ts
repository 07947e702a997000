export { GroupProcessor } from './group-processor.ts';
export { Processor, type ProcessorOptions } from './processor.ts';
