export { assign as sharePartitions, type Claim } from './assigner.ts';
export { connectionOf, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
export { KafkaLog, OUTPUT_TOPICS, type Delivery, type GroupListener, type KafkaLogOptions } from './event-log.ts';
export { KafkaInputWriter, type Note } from './input-writer.ts';
export { DEFAULT_TOPICS, checkDurability, createTopics, type TopicReport, type TopicsOptions } from './topics.ts';
export { readTopic, unframed, type TopicRecord } from './topic-reader.ts';
export { TopicTail, type TailedRecord } from './topic-tail.ts';
export { WireFormat, registryOf, subjectOf, type RegistryOptions } from './wire-format.ts';
export { WorkGroup, type WorkGroupOptions } from './work-group.ts';
