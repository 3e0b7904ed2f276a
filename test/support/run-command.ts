import { systemClock } from '../../src/base/clock.ts';
import type { Io } from '../../src/cli/io.ts';
import { runProgram, type CommandFactory } from '../../src/cli/program.ts';
import { Terminal } from '../../src/cli/terminal.ts';

export interface Ran {
  readonly out: string;
  readonly note: string;
  readonly code: unknown;
}

/** Runs one command in this process; gives what it printed and its exit code, and leaves `process.exitCode` as it was. */
export async function runCommand(factory: CommandFactory, argv: readonly string[], io: Partial<Io>): Promise<Ran> {
  const out: string[] = [];
  const note: string[] = [];
  const standIn: Io = {
    clock: systemClock,
    cwd: '/nonexistent',
    env: {},
    interactive: false,
    terminal: new Terminal(),
    colour: false,
    columns: undefined,
    interrupted: new AbortController().signal,
    out: (line) => void out.push(line),
    note: (line) => void note.push(line),
    ...io,
  };
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await runProgram(standIn, argv, [factory]);
    return { out: out.join('\n'), note: note.join('\n'), code: process.exitCode };
  } finally {
    process.exitCode = before;
  }
}
