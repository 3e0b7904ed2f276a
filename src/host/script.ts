import { AppError } from '../base/errors.ts';

/**
 * A shell function that prints or writes given texts, byte for byte, through here-documents whose end mark nobody can
 * guess. Nothing of a text is ever read by the shell.
 * @param endMark random word of at least 16 characters
 */
export function heredoc(command: string, text: string, endMark: string): string {
  if (text !== '' && !text.endsWith('\n')) throw new AppError('host/text-unfinished', 'a text for a host does not end with a newline');
  if (text.includes('\0')) throw new AppError('host/text-binary', 'a text for a host holds a NUL byte');
  if (text.split('\n').includes(endMark)) throw new AppError('host/end-mark', 'a text holds the mark that should end it');
  return `${command} <<'${endMark}' || return 1\n${text}${endMark}\n`;
}

/** A function of this name that runs these commands. */
export function shellFunction(name: string, body: string): string {
  return `${name}() {\n${body === '' ? ':\n' : body}}\n`;
}

/**
 * The script with its data functions and, as its last line, the call of main. A script that a lost connection cut short
 * has defined functions and done nothing. main must not read the script as its input.
 */
export function completeScript(script: string, functions: readonly string[]): string {
  return `${script}${functions.join('')}main "$@" </dev/null\n`;
}

/** The last `MARK result WORD CODE` of a script's answer with the lines that follow it; undefined when it never came. */
export function parseResult(stdout: string, mark: string): { word: string; code: string; detail: string } | undefined {
  const at = `\n${stdout}`.lastIndexOf(`\n${mark} result `);
  if (at === -1) return undefined;
  const [heading = '', ...rest] = stdout.slice(at).split('\n');
  const [, , word = '', ...code] = heading.split(' ');
  return { word, code: code.join(' ').trim(), detail: rest.join('\n').trim() };
}
