import { Command, CommanderError } from 'commander';
import { EXIT } from '../base/errors.ts';
import type { Io } from './io.ts';

const VERSION = '0.1.0';

/** A command's file exports one of these: it declares flags at once and imports what it needs only when it runs. */
export type CommandFactory = (io: Io) => Command;

/** Builds the whole command line from its commands, and runs it. Sets `process.exitCode`; never calls `process.exit`. */
export async function runProgram(io: Io, argv: readonly string[], factories: readonly CommandFactory[]): Promise<void> {
  const program = new Command('ensign')
    .description('Brings a whole fleet under one SSH certificate authority, and proves it.')
    .version(VERSION, '-V, --version')
    .showHelpAfterError('(run with --help for the flags)')
    .enablePositionalOptions();
  for (const factory of factories) program.addCommand(factory(io));
  for (const command of everyCommand(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.note(text.trimEnd()),
    });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // help and version end here with 0, every mistake in the flags with 2
    process.exitCode = error.exitCode === 0 ? EXIT.good : EXIT.usage;
  }
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
