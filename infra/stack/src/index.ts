export {
  defaultCache, fetchArtifacts, fetchPrometheus, fetchRedis, kafkaVersion, type Artifacts, type PrometheusPrograms, type RedisProgram,
} from './artifacts.ts';
export { StackError, type StackErrorCode } from './errors.ts';
export { SHORT_LIFE } from './jvm.ts';
export { startKafka, type Kafka, type KafkaNode, type KafkaOptions } from './kafka.ts';
export type { Brokers, KafkaAddress, Properties } from './kafka-properties.ts';
export type { Addresses } from './parts.ts';
export { freePorts } from './ports.ts';
export type { StackProcess } from './process.ts';
export { startPrometheus, type Prometheus, type PrometheusOptions } from './prometheus.ts';
export { startRedis, type Redis, type RedisOptions } from './redis.ts';
export { startRegistry, type Registry, type RegistryOptions } from './registry.ts';
export { newCertificates, type Certificates, type Security, type User } from './security.ts';
export { down, status, up, type DownReport, type PartStatus, type StackStatus, type UpOptions, type UpReport } from './stack.ts';
export type { Mode, PartState } from './state.ts';
