// What is fuzzed: one reader of bytes from outside, and the law that it keeps whatever comes. A case is a file's worth of bytes,
// so that each that ever failed is a file in corpus/NAME/, and stays one.

import type fc from 'fast-check';

export type Target = {
  /** Of its folder in the corpus. */
  readonly name: string;
  /** In a sentence. */
  readonly law: string;
  /** Cases of a thousand runs: fewer where a case costs more. */
  readonly share: number;
  readonly cases: fc.Arbitrary<Uint8Array>;
  /** Throws, or rejects, when the law is broken. */
  readonly check: (bytes: Uint8Array) => void | Promise<void>;
  /** What it opened for its cases. */
  readonly close?: () => Promise<void>;
};

type Common = Pick<Target, 'name' | 'law' | 'close'> & { readonly share?: number };

export function bytesTarget(
  { share = 1_000, ...rest }: Common & { readonly cases: fc.Arbitrary<Uint8Array>; readonly check: Target['check'] },
): Target {
  return { share, ...rest };
}

export function textTarget(
  { share = 1_000, cases, check, ...rest }: Common & { readonly cases: fc.Arbitrary<string>; readonly check: (text: string) => void | Promise<void> },
): Target {
  return {
    ...rest, share, cases: cases.map((text) => Buffer.from(text)), check: (bytes) => check(Buffer.from(bytes).toString('utf8')),
  };
}

/** Its cases are values of JSON; one that is none stands for undefined. */
export function jsonTarget(
  { share = 1_000, cases, check, ...rest }: Common & { readonly cases: fc.Arbitrary<unknown>; readonly check: (value: unknown) => void | Promise<void> },
): Target {
  return {
    ...rest, share, cases: cases.map((value) => Buffer.from(textOf(value))),
    check: (bytes) => check(jsonOf(Buffer.from(bytes).toString('utf8'))),
  };
}

/** '' for what JSON has no text for. */
export function textOf(value: unknown): string {
  const text: unknown = JSON.stringify(value);
  return typeof text === 'string' ? text : '';
}

/** None of what is no object. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** None of what is no array. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Ends with an error of one of these kinds, or not at all; what it gave, or undefined. Any other error is thrown on. */
export function only<T>(kinds: readonly ErrorKind[], run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (kinds.some((kind) => error instanceof kind)) return undefined;
    throw error;
  }
}

export async function onlyLater<T>(kinds: readonly ErrorKind[], run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (kinds.some((kind) => error instanceof kind)) return undefined;
    throw error;
  }
}

type ErrorKind = abstract new (...args: never[]) => Error;
