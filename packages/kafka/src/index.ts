export { connectionOf, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
export { KafkaLog, OUTPUT_TOPICS, type Delivery, type GroupListener, type KafkaLogOptions } from './event-log.ts';
export { KafkaInputWriter } from './input-writer.ts';
export { DEFAULT_TOPICS, checkDurability, createTopics, type TopicReport, type TopicsOptions } from './topics.ts';
export { readTopic, type TopicRecord } from './topic-reader.ts';
export { WireFormat, registryOf, subjectOf, type RegistryOptions } from './wire-format.ts';
