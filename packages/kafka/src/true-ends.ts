// A client whose admin sees topics to their true ends. Any other's sees them end where readers of what is committed have to stop:
// before the first transaction that is open.

import type { Kafka } from 'kafkajs';
import { briefClientOf, type KafkaOptions } from './connection.ts';

const READ_UNCOMMITTED = 0;
/** The client makes the connections of each part by a function of its own, under a symbol that it tells nobody. */
const CREATE_CLUSTER = 'private:Kafka:createCluster';

type CreateCluster = (options: object) => unknown;

/** null with a client that is built otherwise. */
export function clientOfTrueEnds(options: KafkaOptions): Kafka | null {
  const kafka = briefClientOf(options);
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER);
  if (symbol === undefined) return null;
  const create: unknown = Reflect.get(kafka, symbol);
  if (!isFunction(create)) return null;
  Reflect.set(kafka, symbol, (cluster: object) => create({ ...cluster, isolationLevel: READ_UNCOMMITTED }));
  return kafka;
}

function isFunction(value: unknown): value is CreateCluster {
  return typeof value === 'function';
}
