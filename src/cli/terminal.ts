import { Secret } from '../base/secret.ts';
import type { Io } from './io.ts';

/** Something that draws on the terminal by itself, and has to leave it while a person is asked. */
export interface Screen {
  hide(): Promise<void>;
  show(): void;
}

/** The one terminal, for many hosts that may want to ask at the same time: one dialogue after the other. */
export class Terminal {
  #turns: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #screen: Screen | undefined;

  /** Runs a dialogue when all earlier ones have ended, with nothing else drawing meanwhile. */
  async turn<T>(dialogue: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const mine = this.#turns.then(async () => {
      await this.#screen?.hide();
      try {
        return await dialogue();
      } finally {
        this.#waiting -= 1;
        if (this.#waiting === 0) this.#screen?.show();
      }
    });
    this.#turns = mine.catch(() => undefined);
    return mine;
  }

  /** From now on this screen makes room for dialogues, until the returned function is called. */
  lendTo(screen: Screen): () => void {
    this.#screen = screen;
    return () => {
      if (this.#screen === screen) this.#screen = undefined;
    };
  }
}

/** Asks for one line; without `echo` nothing of it can be seen, whatever is typed. `gone` takes the question away when nobody wants the answer any more. */
export async function askLine(io: Io, message: string, echo: boolean, gone?: AbortSignal): Promise<Secret<string>> {
  const { input, password } = await import('@inquirer/prompts');
  const signal = gone === undefined ? io.interrupted : AbortSignal.any([io.interrupted, gone]);
  const context = { output: process.stderr, signal };
  return new Secret(await (echo ? input({ message }, context) : password({ message, toggleMask: false }, context)));
}

/**
 * For questions in the middle of a run. Ctrl-C at a prompt reaches the prompt alone; the whole run has to hear of it, or
 * the next host would ask at once.
 */
export async function hearingCtrlC<T>(dialogue: () => Promise<T>): Promise<T> {
  try {
    return await dialogue();
  } catch (error) {
    if (error instanceof Error && error.name === 'ExitPromptError') process.kill(process.pid, 'SIGINT');
    throw error;
  }
}
