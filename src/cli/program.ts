import { Command, type CommanderError } from 'commander';
import { EXIT, usageError, type AppError } from '../base/errors.ts';
import type { Io } from './io.ts';
import { report } from './run.ts';

const VERSION = '0.1.0';

/** A command's file exports one of these: it declares flags at once and imports what it needs only when it runs. */
export type CommandFactory = (io: Io) => Command;

/** Builds the whole command line from its commands, and runs it. Sets `process.exitCode`; never calls `process.exit`. */
export async function runProgram(io: Io, argv: readonly string[], factories: readonly CommandFactory[]): Promise<void> {
  const program = new Command('ensign')
    .description('Brings a whole fleet under one SSH certificate authority, and proves it.')
    .version(VERSION, '-V, --version')
    .enablePositionalOptions();
  for (const factory of factories) program.addCommand(factory(io));
  for (const command of everyCommand(program)) {
    command
      .exitOverride((error) => { throw new Mistake(command, error); })
      .configureOutput({
        writeOut: (text) => io.out(text.trimEnd()),
        writeErr: (text) => io.note(text.trimEnd()),
        // told below, as every other error is
        outputError: () => undefined,
      });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    // help and version end here with 0; help that nobody asked for has been written, and needs no words more
    if (error.cause.exitCode === 0) process.exitCode = EXIT.good;
    else if (error.cause.code === 'commander.help') process.exitCode = EXIT.usage;
    else process.exitCode = report(io, argv.includes('--json'), usageErrorOf(error));
  }
}

/** What commander found, and the command that it found it in. */
class Mistake extends Error {
  readonly command: Command;
  override readonly cause: CommanderError;

  constructor(command: Command, cause: CommanderError) {
    super(cause.message);
    this.command = command;
    this.cause = cause;
  }
}

// "error: unknown option '--nope'\n(Did you mean --note?)" from code commander.unknownOption
function usageErrorOf({ command, cause }: Mistake): AppError {
  const [said = '', ...more] = cause.message.replace(/^error: /, '').split('\n');
  const message = said.replace(/\. (\w)/, (_dot, letter: string) => `: ${letter.toLowerCase()}`).replace(/\.$/, '');
  const meant = more.join(' ').replace(/^\((.*)\)$/, '$1');
  const code = cause.code.replace(/^commander\./, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return usageError(`cli/${code}`, message, { hint: [meant.toLowerCase(), `see \`${pathOf(command)} --help\``].filter((part) => part !== '').join(' '), cause });
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
