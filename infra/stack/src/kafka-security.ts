// Kafka's side of `Security`: one listener for clients and nodes, by TLS, with a login by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.

import { randomBytes } from 'node:crypto';
import type { KafkaAddress, Properties } from './kafka-properties.ts';
import { HOST } from './ports.ts';
import type { Security } from './security.ts';

const LISTENER = 'SECURE';
const SCRAM = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];
const MODULES = 'org.apache.kafka.common.security';

/** The properties of each node; the nodes log in with a password of their own, new at each start of all. */
export function securityProperties({ ca, cert, key, users }: Security): (node: KafkaAddress) => Properties {
  const own = { name: 'broker', password: randomBytes(16).toString('hex') };
  const logins = [own, ...users].map(({ name, password }) => ` user_${name}="${password}"`).join('');
  const listener = `listener.name.${LISTENER.toLowerCase()}`;
  const plain = `username="${own.name}" password="${own.password}"${logins}`;
  return ({ port, controllerPort }) => ({
    'listeners': `${LISTENER}://${HOST}:${port},CONTROLLER://${HOST}:${controllerPort}`,
    'advertised.listeners': `${LISTENER}://${HOST}:${port}`,
    'listener.security.protocol.map': `${LISTENER}:SASL_SSL,CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name': LISTENER,
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'sasl.enabled.mechanisms': ['PLAIN', ...SCRAM].join(','),
    [`${listener}.plain.sasl.jaas.config`]: `${MODULES}.plain.PlainLoginModule required ${plain};`,
    ...Object.fromEntries(SCRAM.map((mechanism) => (
      [`${listener}.${mechanism.toLowerCase()}.sasl.jaas.config`, `${MODULES}.scram.ScramLoginModule required;`]
    ))),
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.certificate.chain': cert,
    'ssl.keystore.key': key,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.certificates': ca,
  });
}

/** What makes the users when a data folder is formatted. */
export function scramArguments({ users }: Security): readonly string[] {
  return users.flatMap(({ name, password }) => SCRAM.flatMap((mechanism) => (
    ['--add-scram', `${mechanism}=[name=${name},password=${password}]`]
  )));
}
