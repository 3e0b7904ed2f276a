import type { Io } from './io.ts';
import { paint } from './io.ts';

/** Tells a person who waits how far a run over many hosts is. */
export interface Progress {
  /** What a host is doing now. */
  step(name: string, what: string): void;
  /** A host has ended; `line` is kept in a log where there is no terminal. */
  done(name: string, line: string): void;
  /** Ends the display. */
  stop(): void;
}

const MOST_NAMES = 4;
const REDRAW_MS = 100;

/** One line that is drawn over on a terminal; a plain line a host elsewhere; nothing with `--json`. */
export function startProgress(io: Io, title: string, total: number, json: boolean): Progress {
  if (json) return { step: () => undefined, done: () => undefined, stop: () => undefined };
  const active = new Map<string, string>();
  let ended = 0;
  if (io.columns === undefined) {
    return {
      step: () => undefined,
      done: (name, line) => {
        ended += 1;
        io.note(`${title} ${ended}/${total}  ${name}  ${line}`);
      },
      stop: () => undefined,
    };
  }
  const draw = (): void => {
    const names = [...active].slice(0, MOST_NAMES).map(([name, what]) => `${name}: ${what}`);
    const more = active.size > MOST_NAMES ? ` and ${active.size - MOST_NAMES} more` : '';
    const text = `${title} ${ended}/${total}  ${names.join(', ')}${more}`.slice(0, (io.columns ?? 80) - 1);
    process.stderr.write(`\r\u001b[K${paint(io, 'dim', text)}`);
  };
  const timer = setInterval(draw, REDRAW_MS);
  timer.unref();
  return {
    step: (name, what) => void active.set(name, what),
    done: (name) => {
      active.delete(name);
      ended += 1;
    },
    stop: () => {
      clearInterval(timer);
      process.stderr.write('\r\u001b[K');
    },
  };
}
