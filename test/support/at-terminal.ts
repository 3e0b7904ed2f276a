import { spawn } from 'node:child_process';

const LONGEST_MS = 120_000;

export interface TerminalRun {
  readonly code: number | null;
  /** Everything that the terminal showed, control sequences taken out. */
  readonly screen: string;
}

/** Looks at what the terminal shows since the last thing that was typed; gives what to type now, if anything. */
export type Typist = (shown: string) => string | undefined;

/** Runs a program at a real terminal of 100 columns (script(1)), with somebody who types. */
export function atTerminal(argv: readonly string[], options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv }, typist: Typist): Promise<TerminalRun> {
  return new Promise((resolve, reject) => {
    const words = argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const child = spawn('script', ['-qec', `stty cols 100; exec ${words}`, '/dev/null'], { ...options, stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    // the whole group: what runs inside would stay otherwise
    const timer = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), LONGEST_MS);
    let screen = '';
    let seen = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      screen += chunk.toString().replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '');
      const typed = typist(screen.slice(seen));
      if (typed === undefined) return;
      seen = screen.length;
      child.stdin.write(typed);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, screen });
    });
  });
}

/** A typist who follows a script: when this is shown, types that; at the end nothing more. */
export function typing(...script: readonly (readonly [RegExp, string])[]): Typist {
  let next = 0;
  return (shown) => {
    const [wait, text] = script[next] ?? [];
    if (wait?.test(shown) !== true) return undefined;
    next += 1;
    return text;
  };
}
