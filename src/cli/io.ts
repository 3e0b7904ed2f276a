import { hostname, userInfo } from 'node:os';
import { styleText } from 'node:util';
import type { Clock } from '../base/clock.ts';
import { Terminal } from './terminal.ts';

/** Everything a command may read from or write to the process it runs in. */
export interface Io {
  readonly clock: Clock;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** True when a person can answer a prompt. */
  readonly interactive: boolean;
  /** Where that person is asked, one question at a time. */
  readonly terminal: Terminal;
  /** True when stdout is a terminal and colours are wanted (NO_COLOR honoured). */
  readonly colour: boolean;
  /** Columns of the terminal, or undefined when stdout is not one. */
  readonly columns: number | undefined;
  /** Aborted at the first Ctrl-C. */
  readonly interrupted: AbortSignal;
  /** Results: what the command was asked for. Adds the newline. */
  out(line: string): void;
  /** Everything else: progress, warnings, hints. Adds the newline. */
  note(line: string): void;
}

/** The real process. */
export function processIo(clock: Clock): Io {
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  process.once('SIGTERM', () => abort.abort());
  // `ensign ca log --follow | head` closes our stdout early, `ensign apply 2>&1 | head` both: nobody reads any more, but what
  // has begun on hosts goes to its end, and the exit code says how
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      abort.abort();
    });
  }
  return {
    clock,
    cwd: process.cwd(),
    env: process.env,
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    terminal: new Terminal(),
    colour: process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
    // a terminal that does not know its width has none to draw in
    columns: process.stdout.isTTY && process.stdout.columns > 0 ? process.stdout.columns : undefined,
    interrupted: abort.signal,
    out: (line) => void process.stdout.write(`${line}\n`),
    note: (line) => void process.stderr.write(`${line}\n`),
  };
}

export type Tone = 'good' | 'bad' | 'warn' | 'dim' | 'bold';
const STYLE = { good: 'green', bad: 'red', warn: 'yellow', dim: 'dim', bold: 'bold' } as const;

/** Colours text on a terminal and leaves it alone elsewhere. */
export function paint(io: Pick<Io, 'colour'>, tone: Tone, text: string): string {
  // validateStream is off because `io.colour` has decided already
  return io.colour ? styleText(STYLE[tone], text, { validateStream: false }) : text;
}

/** Who is at work, for ledgers and locks: `alice@ops1`. Behind sudo it is the person and not root. */
export function operatorOf(io: Pick<Io, 'env'>): string {
  return `${io.env['SUDO_USER'] ?? userInfo().username}@${hostname()}`;
}
