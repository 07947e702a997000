/** `port-taken`: try another port. `missing`: the message says what to install. `in-use`: another command has the stack. */
export type StackErrorCode = 'port-taken' | 'not-ready' | 'missing' | 'in-use' | 'mismatch' | 'failed';

/** What a local service, or getting it, came to: one line for a user. */
export class StackError extends Error {
  override readonly name = 'StackError';
  readonly code: StackErrorCode;

  constructor(code: StackErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
