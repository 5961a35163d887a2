/** Services can't be had. The message says what was tried and what helps; 2 wrong usage or version, 4 unreachable. */
export class ServicesError extends Error {
  override readonly name = 'ServicesError';
  readonly exitCode: 2 | 4;

  constructor(exitCode: 2 | 4, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
