import { AppError } from '../base/errors.ts';
import { WireReader } from './reader.ts';
import type { WireWriter } from './writer.ts';

/** One critical option or extension of a certificate. Flags have the value ''. */
export interface CertOption {
  readonly name: string;
  readonly value: string;
  /** Only for extensions that ensign does not know and whose data is not one text: the data as it stood. */
  readonly raw?: Uint8Array;
}

type Shape = 'flag' | 'text';

// PROTOCOL.certkeys, "Critical options" and "Extensions"
const CRITICAL_OPTIONS: Readonly<Record<string, Shape>> = { 'force-command': 'text', 'source-address': 'text', 'verify-required': 'flag' };
const EXTENSIONS: Readonly<Record<string, Shape>> = {
  'no-touch-required': 'flag',
  'permit-X11-forwarding': 'flag',
  'permit-agent-forwarding': 'flag',
  'permit-port-forwarding': 'flag',
  'permit-pty': 'flag',
  'permit-user-rc': 'flag',
};

const ASCII = /^[\x20-\x7e]*$/;

export type OptionSection = 'critical' | 'extensions';

/**
 * Reads the critical options or the extensions of a certificate. An unknown critical option is refused, as every
 * implementation must; an unknown extension is kept, as OpenSSH ignores it.
 * @throws AppError `wire/option-order` (also for duplicates), `wire/unknown-critical-option`, `wire/bad-option`,
 *   `wire/truncated`, `wire/bad-text`
 */
export function decodeOptions(bytes: Uint8Array, section: OptionSection): CertOption[] {
  const reader = new WireReader(bytes);
  const options: CertOption[] = [];
  let previous: string | undefined;
  while (reader.remaining > 0) {
    const name = reader.text();
    if (previous !== undefined && compareNames(previous, name) >= 0) {
      throw new AppError('wire/option-order', `certificate option ${JSON.stringify(name)} is out of order or stands twice`);
    }
    previous = name;
    options.push(readData(name, shapeOf(name, section), reader.string()));
  }
  return options;
}

/**
 * Writes what {@link decodeOptions} reads, in the order that PROTOCOL.certkeys demands whatever the order given.
 * @throws AppError `wire/option-order` for a duplicate, `wire/unknown-critical-option`, `wire/bad-option`, `wire/bad-text`
 */
export function writeOptions(writer: WireWriter, options: readonly CertOption[], section: OptionSection): void {
  let previous: string | undefined;
  for (const option of options.toSorted((a, b) => compareNames(a.name, b.name))) {
    if (option.name === previous) throw new AppError('wire/option-order', `certificate option ${JSON.stringify(option.name)} is given twice`);
    previous = option.name;
    if (option.name.includes('\0') || option.value.includes('\0')) throw badOption(option.name, 'holds a NUL character');
    writer.string(option.name).nested((inner) => writeData(inner, option, shapeOf(option.name, section)));
  }
}

function shapeOf(name: string, section: OptionSection): Shape | undefined {
  const known = section === 'critical' ? CRITICAL_OPTIONS : EXTENSIONS;
  const shape = Object.hasOwn(known, name) ? known[name] : undefined;
  if (shape === undefined && section === 'critical') {
    throw new AppError('wire/unknown-critical-option', `the certificate has the unknown critical option ${JSON.stringify(name)}`, {
      hint: 'a certificate whose conditions are not understood must not be used',
    });
  }
  return shape;
}

function readData(name: string, shape: Shape | undefined, data: Uint8Array): CertOption {
  if (shape !== 'text' && data.length === 0) return { name, value: '' };
  if (shape === 'flag') throw badOption(name, 'must not have a value');
  const value = readText(data);
  if (value !== undefined) return { name, value };
  if (shape === 'text') throw badOption(name, 'does not hold exactly one text');
  return { name, value: '', raw: data };
}

/** The text in a string in a string; undefined for anything that encoding would not give back byte for byte. */
function readText(data: Uint8Array): string | undefined {
  const reader = new WireReader(data);
  try {
    const value = reader.text();
    reader.end();
    return value === '' ? undefined : value;
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

function writeData(writer: WireWriter, option: CertOption, shape: Shape | undefined): void {
  if (option.raw !== undefined) {
    if (shape !== undefined || option.value !== '') throw badOption(option.name, 'cannot have raw data');
    writer.bytes(option.raw);
    return;
  }
  if (option.value === '') {
    if (shape === 'text') throw badOption(option.name, 'needs a value');
    return;
  }
  if (shape === 'flag') throw badOption(option.name, 'must not have a value');
  writer.string(option.value);
}

/** Order of the UTF-8 bytes, as strcmp: the order of JavaScript strings differs beyond the Basic Multilingual Plane. */
function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  if (ASCII.test(a) && ASCII.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function badOption(name: string, why: string): AppError {
  return new AppError('wire/bad-option', `certificate option ${JSON.stringify(name)} ${why}`);
}
