import { resolve } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { Command } from 'commander';
import { EXIT, usageError, type ExitCode } from '../base/errors.ts';
import { plural } from '../base/text.ts';
import type { EditedKind } from '../client/edit-file-adapter.ts';
import { paint, type Io } from './io.ts';
import { readText } from './read-inventory.ts';
import { finish } from './run.ts';

interface Flags {
  readonly check?: boolean;
  readonly json?: boolean;
}

interface Formatted {
  /** As it was given. */
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

const STDIN = '-';
const KIND: EditedKind = {
  codes: { notAFile: 'inventory/unreadable', unwritable: 'inventory/unwritable', busy: 'inventory/busy' },
  hint: 'give the path of a YAML file',
};

/** `ensign inventory fmt`: inventories in their canonical form, with every comment where it was. */
export function inventoryFmtCommand(io: Io): Command {
  return new Command('fmt')
    .description('write inventories in their canonical form; comments, order and meaning stay')
    .argument('<file...>', 'inventories, or - for stdin to stdout')
    .option('--check', 'write nothing: show what would change, and end with 3 if anything would')
    .option('--json', 'one JSON object on stdout')
    .action((files: readonly string[], flags: Flags) => finish(io, flags.json === true, () => run(io, files, flags)));
}

async function run(io: Io, files: readonly string[], flags: Flags): Promise<ExitCode> {
  if (files.includes(STDIN) && files.length > 1) throw usageError('inventory/stdin', '- stands beside other files', { hint: 'give - alone, or files only' });
  const { formatInventory } = await import('../inventory/format.ts');
  // every file is understood before the first is written
  const formatted: Formatted[] = [];
  for (const file of new Set(files)) {
    const before = file === STDIN ? await readAll(process.stdin) : await readText(resolve(io.cwd, file), file);
    formatted.push({ file, before, after: formatInventory(before, file === STDIN ? 'stdin' : file) });
  }
  if (flags.check === true) return check(io, formatted, flags.json === true);
  const [one] = formatted;
  if (one?.file === STDIN && flags.json !== true) {
    io.out(one.after.trimEnd());
    return EXIT.good;
  }
  return write(io, formatted, flags.json === true);
}

async function check(io: Io, formatted: readonly Formatted[], json: boolean): Promise<ExitCode> {
  const { diffLines } = await import('./render-diff.ts');
  const pending = formatted.filter(({ before, after }) => before !== after);
  if (json) {
    io.out(JSON.stringify({ files: formatted.map(({ file, before, after }) => ({ file, outcome: before === after ? 'unchanged' : 'pending', diff: before === after ? [] : diffLines(before, after) })) }, null, 2));
  } else {
    for (const { file, before, after } of pending) {
      io.out(paint(io, 'bold', file));
      for (const line of diffLines(before, after)) io.out(line.startsWith('-') ? paint(io, 'bad', line) : line.startsWith('+') ? paint(io, 'good', line) : line);
    }
    io.note(pending.length === 0 ? `${plural(formatted.length, 'file')} in canonical form` : `${plural(pending.length, 'file')} to write: run \`ensign inventory fmt\` without --check`);
  }
  return pending.length === 0 ? EXIT.good : EXIT.pending;
}

async function write(io: Io, formatted: readonly Formatted[], json: boolean): Promise<ExitCode> {
  const { editFile } = await import('../client/edit-file-adapter.ts');
  const { formatInventory } = await import('../inventory/format.ts');
  const outcomes: { file: string; outcome: string; text?: string }[] = [];
  for (const { file, before, after } of formatted) {
    if (file === STDIN) {
      outcomes.push({ file, outcome: before === after ? 'unchanged' : 'changed', text: after });
      continue;
    }
    // whoever wrote the file in between is not undone: their text is formatted instead
    const outcome = await editFile(resolve(io.cwd, file), (bytes) => latin1(formatInventory(Buffer.from(bytes, 'latin1').toString(), file)), KIND);
    outcomes.push({ file, outcome });
    if (!json) io.out(`${paint(io, outcome === 'unchanged' ? 'dim' : 'good', outcome)} ${file}`);
  }
  if (json) io.out(JSON.stringify({ files: outcomes }, null, 2));
  return EXIT.good;
}

/** Bytes as the editor of files takes them, one character each. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
