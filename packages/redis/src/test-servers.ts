// What the tests of this package share: servers of their own, a small state, and certificates.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noCounts, type Address, type Oid } from '@fillstream/core';
import type { Checkpoint, CheckpointHead, HistoryPoint, OrderKey, Owner } from '@fillstream/runtime';
import { startRedis, type Redis as RedisServer } from '@fillstream/stack';
import { RedisConnection, RedisStore, type RedisOptions } from './index.ts';

/** A test, or a hook of its file. */
export type Ending = { after(work: () => unknown): void };

export const NOW = 1_760_000_000_000;
export const DAY_MS = 86_400_000;

export function newFolder(t: Ending): string {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-redis-'));
  t.after(() => { rmSync(folder, { recursive: true, force: true }); });
  return folder;
}

export async function newServer(t: Ending, args: readonly string[] = [], folder = newFolder(t)): Promise<RedisServer> {
  const server = await startRedis({ folder, args });
  t.after(async () => await server.stop());
  return server;
}

export function nodeOf({ port }: { readonly port: number }): string {
  return `127.0.0.1:${String(port)}`;
}

export async function connect(t: Ending, server: RedisServer, options: Partial<RedisOptions> = {}): Promise<RedisConnection> {
  const connection = await RedisConnection.open({ nodes: [nodeOf(server)], ...options });
  t.after(() => { connection.close(); });
  return connection;
}

export function addressOf(byte: number): Address {
  return `0x${byte.toString(16).padStart(2, '0').repeat(20)}` as Address;
}

export const [ALICE, BOB] = [addressOf(0xa1), addressOf(0xb2)];

export function orderKey(oid: number, address = ALICE): OrderKey {
  return { address, oid: oid as Oid };
}

export function order(oid: number, body: string | null, address = ALICE): Checkpoint['orders'][number] {
  return { ...orderKey(oid, address), deadline: NOW + oid, body };
}

export function part(number: number, body: string | null, address = ALICE): Checkpoint['parts'][number] {
  return { address, part: number, body };
}

export function pointAt(offset: number): HistoryPoint {
  return { id: offset.toString(16).padStart(16, '0'), position: { offsets: [offset, 0], fired: 0 } };
}

export function headAt(offset: number): CheckpointHead {
  return { at: pointAt(offset), clocks: offset === 0 ? [] : [NOW, NOW + 1], counts: noCounts() };
}

export function checkpointAt(offset: number, { orders = [], parts = [] }: Partial<Omit<Checkpoint, 'head'>> = {}): Checkpoint {
  return { head: headAt(offset), orders, parts };
}

export type Kept = { readonly store: RedisStore; readonly owner: Owner; readonly namespace: string };

/** A checkpoint at 1 with orders 1 and 2 of Alice, a part of hers and two of Bob. */
export async function keep(connection: RedisConnection, namespace: string, partition = 0): Promise<Kept> {
  const store = new RedisStore({ connection, namespace });
  const owner = await store.claim(partition);
  assert.deepEqual(await store.reset(owner, headAt(0)), { kind: 'reset' });
  const parts = [part(0, 'profile'), part(0, 'profile', BOB), part(3, 'chunk', BOB)];
  const first = checkpointAt(1, { orders: [order(1, 'one'), order(2, 'two')], parts });
  assert.deepEqual(await store.checkpoint(owner, pointAt(0), first), { kind: 'written' });
  return { store, owner, namespace };
}

/** Claim, reset, checkpoint, prefetch, read and reset again. */
export async function goRound(connection: RedisConnection, namespace: string, partition = 0): Promise<void> {
  const { store, owner } = await keep(connection, namespace, partition);
  const fetched = await store.prefetch(owner, pointAt(1), [orderKey(1), orderKey(2)], [ALICE, BOB]);
  assert.equal(fetched.kind === 'fetched' && fetched.orders.length + fetched.parts.length, 5);
  const stored = await store.read(owner);
  assert.equal(stored.kind === 'checkpoint' && stored.orders.length, 2);
  assert.deepEqual(await store.reset(owner, headAt(0)), { kind: 'reset' });
  const next = checkpointAt(1, { orders: [order(1, null), order(3, 'three')] });
  assert.deepEqual(await store.checkpoint(owner, pointAt(0), next), { kind: 'written' });
}

export async function keysLike({ client }: RedisConnection, pattern: string): Promise<string[]> {
  return (await client.keys(pattern)).sort();
}

/** The only key like the pattern. */
export async function keyLike(connection: RedisConnection, pattern: string): Promise<string> {
  const [key, ...others] = await keysLike(connection, pattern);
  assert.ok(key !== undefined && others.length === 0, `${pattern}: ${String(key)}, ${others.join(', ')}`);
  return key;
}

export type Certificates = { readonly ca: string; readonly cert: string; readonly key: string };

/** An authority of its own, and what it signed for 127.0.0.1; file names. */
export function makeCertificates(folder: string): Certificates {
  const [caKey, ca, caSerial] = [join(folder, 'ca.key'), join(folder, 'ca.pem'), join(folder, 'ca.srl')];
  const [key, request, cert] = [join(folder, 'server.key'), join(folder, 'server.csr'), join(folder, 'server.pem')];
  const names = join(folder, 'names');
  const openssl = (...args: readonly string[]): void => { execFileSync('openssl', args, { stdio: 'ignore' }); };
  const newKey = ['-newkey', 'rsa:2048', '-nodes'];
  writeFileSync(names, 'subjectAltName=IP:127.0.0.1');
  openssl('req', '-x509', ...newKey, '-keyout', caKey, '-out', ca, '-days', '2', '-subj', '/CN=Test authority');
  openssl('req', ...newKey, '-keyout', key, '-out', request, '-subj', '/CN=redis');
  const signed = ['-CA', ca, '-CAkey', caKey, '-CAserial', caSerial, '-CAcreateserial'];
  openssl('x509', '-req', '-in', request, ...signed, '-out', cert, '-days', '2', '-extfile', names);
  return { ca, cert, key };
}

export function textOf(file: string): string {
  return readFileSync(file, 'utf8');
}
