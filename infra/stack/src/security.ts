// Servers as they are in production: reached by TLS, and asked by nobody who doesn't log in. For tests: passwords are on the
// command lines of the servers, and in their properties.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOST } from './ports.ts';
import { run } from './run.ts';

const DAYS = '2';

export interface User {
  /** Letters, digits, `-` and `_`, as the password. */
  readonly name: string;
  readonly password: string;
}

/** PEM texts for a server at 127.0.0.1: the authority, and what it signed. The key is in PKCS #8. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface Security extends Certificates {
  /** Whoever may log in; at least one. */
  readonly users: readonly User[];
}

/** A new authority, good for two days, and what it signed. Needs `openssl`. Throws StackError. */
export async function newCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'fillstream-certificates-'));
  const openssl = (...args: readonly string[]): Promise<string> => run('openssl', args, { folder });
  const newKey = ['-newkey', 'rsa:2048', '-nodes'];
  try {
    await writeFile(join(folder, 'names'), `subjectAltName=IP:${HOST}`);
    await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', DAYS, '-subj', '/CN=Test authority');
    await openssl('req', ...newKey, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', '/CN=server');
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    await openssl('x509', '-req', '-in', 'request.pem', ...signed, '-out', 'cert.pem', '-days', DAYS, '-extfile', 'names');
    const [ca = '', cert = '', key = ''] = await Promise.all(['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(join(folder, name), 'utf8')));
    return { ca, cert, key };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
