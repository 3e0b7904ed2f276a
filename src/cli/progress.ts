import { plural } from '../base/text.ts';
import type { Io } from './io.ts';

/** Tells a person who waits how far a run over many hosts is. */
export interface Progress {
  /** What a host is doing now. */
  step(name: string, what: string): void;
  /** A host has ended; `line` is kept in a log where there is no terminal. */
  done(name: string, line: string): void;
  /** Ends the display; may be called again. */
  stop(): Promise<void>;
}

const MOST_NAMES = 4;
// drawing costs more than looking: many hosts' steps share one picture
const REDRAW_MS = 100;
const SILENT: Progress = { step: () => undefined, done: () => undefined, stop: () => Promise.resolve() };

/** One task that is drawn over on a terminal; a plain line a host elsewhere; nothing with `--json`. */
export async function startProgress(io: Io, title: string, total: number, json: boolean): Promise<Progress> {
  if (json) return SILENT;
  return io.columns === undefined ? plainProgress(io, title, total) : drawnProgress(io, title, total);
}

function plainProgress(io: Io, title: string, total: number): Progress {
  let ended = 0;
  return {
    ...SILENT,
    done: (name, line) => {
      ended += 1;
      io.note(`${title} ${ended}/${total}  ${name}  ${line}`);
    },
  };
}

// one task for all hosts: the renderer slows down with the square of its rows, and nobody reads a thousand of them
async function drawnProgress(io: Io, title: string, total: number): Promise<Progress> {
  const { Listr } = await import('listr2');
  const active = new Map<string, string>();
  let ended = 0;
  // the renderer keeps back what others write while it draws, so that it has to end before somebody can be asked
  const draw = (): ((last?: string) => Promise<void>) => {
    let end: (last: string) => void = () => undefined;
    const running = new Promise<string>((resolve) => { end = resolve; });
    const list = new Listr(
      [{
        title: `${title} ${plural(total, 'host')}`,
        task: async (_context, task): Promise<void> => {
          const redraw = (): void => {
            const names = [...active].slice(0, MOST_NAMES).map(([name, what]) => `${name}: ${what}`);
            const more = active.size > MOST_NAMES ? ` and ${active.size - MOST_NAMES} more` : '';
            task.title = `${title} ${ended}/${total}`;
            task.output = names.length === 0 ? '' : `${names.join(', ')}${more}`;
          };
          redraw();
          const timer = setInterval(redraw, REDRAW_MS);
          const last = await running;
          clearInterval(timer);
          redraw();
          task.title += last;
        },
      }],
      { registerSignalListeners: false },
    );
    const finished = list.run();
    return async (last = '') => {
      end(last);
      await finished;
    };
  };
  let stop: ((last?: string) => Promise<void>) | undefined = draw();
  const take = (): ((last?: string) => Promise<void>) | undefined => {
    const taken = stop;
    stop = undefined;
    return taken;
  };
  const giveBack = io.terminal.lendTo({ hide: async () => take()?.(', a question first'), show: () => { stop = draw(); } });
  return {
    step: (name, what) => void active.set(name, what),
    done: (name) => {
      active.delete(name);
      ended += 1;
    },
    stop: async () => {
      giveBack();
      await take()?.();
    },
  };
}
