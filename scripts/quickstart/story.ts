import { styleText } from 'node:util';

/** What was shown, and whether it came out as promised. */
export interface Shown {
  readonly what: string;
  readonly how: string;
  readonly good: boolean;
  readonly seconds: number;
}

/** A story told on stdout: chapters, the commands as a reader would type them, what they said, and a table at the end. */
export class Story {
  readonly #shown: Shown[] = [];
  readonly #startedAt = Date.now();
  #chapter = 0;

  chapter(title: string, ...lines: readonly string[]): void {
    this.#chapter += 1;
    print('', this.#paint('bold', `${this.#chapter}. ${title}`), ...lines.map((line) => `   ${line}`));
  }

  /** A command, and what it said (the last `most` lines of it). */
  command(line: string, output: string, most = 40): void {
    const lines = output.trimEnd().split('\n').filter((text) => text !== '');
    const cut = lines.length > most ? [`… (${lines.length - most} lines more above)`, ...lines.slice(-most)] : lines;
    print('', `   ${this.#paint('cyan', `$ ${line}`)}`, ...cut.map((text) => `     ${text}`));
  }

  /** Runs a check and writes down whether it held; a check that throws did not. */
  async show(what: string, how: string, check: () => Promise<boolean>): Promise<void> {
    const from = Date.now();
    let good = false;
    let problem = '';
    try {
      good = await check();
    } catch (error) {
      problem = `: ${String(error)}`;
    }
    this.#shown.push({ what, how, good, seconds: (Date.now() - from) / 1000 });
    print(`   ${good ? this.#paint('green', 'ok') : this.#paint('red', 'NOT SO')}  ${what}${problem}`);
  }

  /** The table of everything shown. Returns whether all of it held. */
  end(): boolean {
    const width = Math.max(...this.#shown.map(({ what }) => what.length));
    print('', this.#paint('bold', 'What you have just seen'));
    for (const { what, how, good, seconds } of this.#shown) {
      print(`  ${good ? this.#paint('green', 'ok    ') : this.#paint('red', 'NOT SO')}  ${what.padEnd(width)}  ${`${seconds.toFixed(1)} s`.padStart(7)}  ${this.#paint('dim', how)}`);
    }
    print('', `Everything from the first boot on took ${Math.round((Date.now() - this.#startedAt) / 1000)} seconds.`);
    return this.#shown.every(({ good }) => good);
  }

  #paint(style: 'bold' | 'cyan' | 'green' | 'red' | 'dim', text: string): string {
    return process.stdout.isTTY ? styleText(style, text, { validateStream: false }) : text;
  }
}

export function print(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}
