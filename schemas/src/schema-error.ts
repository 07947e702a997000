export type SchemaErrorCode = 'unreadable-body' | 'unwritable-value';

/** Bytes that aren't a body of the expected schema, or a value that doesn't fit it. Trying again gives the same. */
export class SchemaError extends Error {
  readonly code: SchemaErrorCode;
  readonly retryable = false;

  constructor(code: SchemaErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'SchemaError';
    this.code = code;
  }
}
