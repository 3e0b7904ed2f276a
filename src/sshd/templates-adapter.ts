import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Handlebars from 'handlebars';
import { AppError } from '../base/errors.ts';
import { isPlainText } from '../base/text.ts';

let folder: string | undefined;

/** The text of a file below `templates/`, as it is. */
export function readTemplate(name: string): string {
  folder ??= findFolder(dirname(fileURLToPath(import.meta.url)));
  return readFileSync(join(folder, name), 'utf8');
}

type Value = string | number | boolean | readonly { readonly [key: string]: string }[] | readonly string[];

/**
 * Renders a Handlebars template of `templates/`. Values are put in as they are (nothing here is HTML), so each is
 * checked first: one printable line, or it is refused.
 * @throws AppError `template/unprintable`
 */
export function renderTemplate(name: string, values: Readonly<Record<string, Value>>): string {
  for (const [key, value] of Object.entries(values)) check(key, value);
  return Handlebars.compile(readTemplate(name), { noEscape: true, strict: true })(values);
}

function check(key: string, value: unknown): void {
  if (typeof value === 'string') {
    if (!isPlainText(value)) throw new AppError('template/unprintable', `${key} holds characters that cannot stand on one line`);
  } else if (typeof value === 'object' && value !== null) {
    for (const [inner, item] of Object.entries(value)) check(`${key}.${inner}`, item);
  }
}

// the sources stand two folders below the package, the built files one or two
function findFolder(start: string): string {
  for (let at = start; ; at = dirname(at)) {
    const candidate = join(at, 'templates');
    if (existsSync(join(candidate, 'host'))) return candidate;
    if (dirname(at) === at) throw new AppError('template/missing', `no templates folder above ${start}`, { hint: 'reinstall ensign' });
  }
}
