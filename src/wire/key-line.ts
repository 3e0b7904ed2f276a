import { AppError } from '../base/errors.ts';
import { isPlainText } from '../base/text.ts';
import { WireReader } from './reader.ts';

const LINE = /^([^\s"]+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]+(.*))?$/;

/**
 * Splits `type base64 comment`, the one line of a `.pub` file; a newline at its end may stay.
 * @throws AppError `wire/bad-text`, also where the named type is not the one inside; `wire/truncated` for too few bytes
 */
export function parseLine(line: string): { blob: Uint8Array; comment: string } {
  const text = line.trim();
  if (!isPlainText(text.replaceAll('\t', ' '))) throw badLine('it has more than one line, or unprintable characters');
  const [, type, base64, comment = ''] = LINE.exec(text) ?? [];
  if (type === undefined || base64 === undefined) throw badLine('it is not "type base64 comment"');
  const blob = new Uint8Array(Buffer.from(base64, 'base64'));
  // Buffer skips what is not base64 and ignores stray bits, so that many texts would mean one key
  if (Buffer.from(blob).toString('base64') !== base64) throw badLine('its base64 is damaged');
  if (new WireReader(blob).utf8() !== type) throw badLine(`it says ${type}, but holds a key of another type`);
  return { blob, comment: comment.replaceAll('\t', ' ') };
}

/** @throws AppError `wire/bad-text` for a comment that would break the line */
export function formatLine(type: string, blob: Uint8Array, comment: string): string {
  if (!isPlainText(comment)) throw new AppError('wire/bad-text', 'the comment of a public key holds unprintable characters');
  const base64 = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength).toString('base64');
  return comment === '' ? `${type} ${base64}` : `${type} ${base64} ${comment}`;
}

function badLine(why: string): AppError {
  return new AppError('wire/bad-text', `this is not a public key line: ${why}`, {
    hint: 'give the single line of a .pub file, as ssh-keygen writes it',
  });
}
