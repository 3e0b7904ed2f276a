import { createHash } from 'node:crypto';
import { AppError } from '../base/errors.ts';
import { printable } from '../base/text.ts';

/** One section of the probe's answer: `MARK name argument`, then its body without the newline that ends it. */
export interface Section {
  readonly name: string;
  readonly argument: string;
  readonly body: string;
}

/**
 * Cuts the answer of the probe into its sections. What a noisy login shell prints before the first mark is skipped.
 * @param mark the random word that begins every heading of this probe
 * @throws AppError `host/probe-incomplete` when the last section is missing: the answer was cut short
 */
export function splitSections(stdout: string, mark: string): Section[] {
  const pieces = `\n${stdout}`.split(`\n${mark} `).slice(1);
  const sections = pieces.map((piece) => {
    const end = piece.indexOf('\n');
    const heading = end === -1 ? piece : piece.slice(0, end);
    const space = heading.indexOf(' ');
    return {
      name: space === -1 ? heading : heading.slice(0, space),
      argument: space === -1 ? '' : heading.slice(space + 1).trim(),
      body: end === -1 ? '' : piece.slice(end + 1),
    };
  });
  if (sections.at(-1)?.name !== 'end') {
    throw new AppError('host/probe-incomplete', `the host's answer to the probe is incomplete: ${printable(stdout.slice(-200)) || 'it is empty'}`, {
      hint: 'log in by hand and run `sh -c true`; the login shell or sudo may print or stop something',
    });
  }
  return sections.slice(0, -1);
}

/** The argument of the only section of a name; '' when it is missing. */
export function argumentOf(sections: readonly Section[], name: string): string {
  return sections.find((s) => s.name === name)?.argument ?? '';
}

/** The body of the only section of a name; '' when it is missing. */
export function bodyOf(sections: readonly Section[], name: string): string {
  return sections.find((s) => s.name === name)?.body ?? '';
}

/** Lower-case hex SHA-256 of a text's UTF-8 bytes, as sha256sum prints. */
export function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** Lines that hold more than white space, without the carriage returns that sshd ends its messages with. */
export function lines(body: string): string[] {
  return body.split(/\r?\n/).filter((line) => line.trim() !== '');
}
