/** Says what a run is doing: one line that is drawn again on a terminal, plain lines elsewhere. */
export interface Progress {
  /** What is being done now. */
  now(text: string): void;
  /** Something worth keeping. */
  note(text: string): void;
  done(): void;
}

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function createProgress(output: Output, clock: () => number = () => performance.now()): Progress {
  const began = clock();
  const stamp = () => {
    const seconds = Math.round((clock() - began) / 1_000);
    return `${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, '0')}`;
  };
  const tty = output.isTTY === true;
  const erase = tty ? '\r\u001b[2K' : '';
  let current = '';
  const draw = (): void => {
    if (tty && current !== '') output.write(`${erase}${current.slice(0, (output.columns ?? 80) - 1)}`);
  };
  return {
    now(text) {
      current = `${stamp()}  ${text}`;
      if (tty) draw();
      else output.write(`${current}\n`);
    },
    note(text) {
      output.write(`${erase}${text}\n`);
      draw();
    },
    done() {
      if (tty && current !== '') output.write(erase);
      current = '';
    },
  };
}
