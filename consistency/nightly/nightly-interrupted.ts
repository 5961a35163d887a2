/** Told to stop. What was done is kept. */
export class NightlyInterrupted extends Error {
  override readonly name = 'NightlyInterrupted';

  constructor(runId: number, done: number, of: number) {
    super(`interrupted: run ${runId} has done ${done} of ${of} parts, and the next start goes on with the rest`);
  }
}
