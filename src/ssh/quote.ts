import { AppError } from '../base/errors.ts';

/**
 * The one place where an argv becomes text for a login shell. The result means exactly `argv` to sh, dash, bash, zsh,
 * ksh, fish, csh and tcsh, none of which we can know beforehand:
 *
 * - every word stands in single quotes, also plain ones, so that no alias or keyword of the login's start-up files
 *   takes its place;
 * - a single quote, a backslash and `!` stand outside of them behind a backslash, because fish reads backslashes
 *   inside single quotes, and csh reads history marks there.
 *
 * A line break cannot be written in a way that csh and sh both read, and NUL cannot be in an argument at all: such
 * data belongs on stdin.
 *
 * @throws AppError `ssh/quote`
 */
export function quoteArgv(argv: readonly string[]): string {
  if (argv.length === 0) throw new AppError('ssh/quote', 'a remote command has no words');
  return argv.map(quoteWord).join(' ');
}

function quoteWord(word: string): string {
  // a lone surrogate has no UTF-8 form: the host would see another word than the one that was checked here
  if (/[\0\r\n\p{Surrogate}]/u.test(word)) {
    throw new AppError('ssh/quote', `${JSON.stringify(word)} cannot be a word of a remote command`, {
      hint: 'line breaks, NUL and broken unicode cannot be quoted for every login shell; pass such data on stdin',
    });
  }
  return `'${word.replace(/['\\!]/g, "'\\$&'")}'`;
}
