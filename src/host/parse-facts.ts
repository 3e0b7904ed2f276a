import { AppError } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import { parsePublicKeyLine } from '../wire/public-key.ts';
import { parseEffectiveConfig, type EffectiveConfig } from '../sshd/effective.ts';
import { parseOpenSshVersion } from '../sshd/version.ts';
import type { FileFacts, HostFacts, HostKeyFacts, ReloadMethod, TransactionFacts, TransactionState } from './facts.ts';
import { argumentOf, bodyOf, lines, sha256, type Section } from './probe-output.ts';

/** Turns the sections of a probe into facts. What a host leaves out stays undefined or empty; nothing is guessed. */
export function parseFacts(sections: readonly Section[], observedAt: number): HostFacts {
  const of = (name: string): readonly Section[] => sections.filter((s) => s.name === name);
  const effective = of('effective');
  const listener = bodyOf(sections, 'listener');
  const systemd = argumentOf(sections, 'systemd') !== '';
  return {
    observedAt,
    clock: wholeNumber(argumentOf(sections, 'clock')) ?? 0,
    hostname: argumentOf(sections, 'host'),
    fqdn: bodyOf(sections, 'host').trim() || undefined,
    os: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(bodyOf(sections, 'os'))?.[1] ?? 'unknown',
    root: argumentOf(sections, 'root') === '0',
    operator: argumentOf(sections, 'operator'),
    sshdPath: argumentOf(sections, 'sshd'),
    version: parseOpenSshVersion(bodyOf(sections, 'sshd')),
    listenerArguments: listenerArguments(listener),
    connection: argumentOf(sections, 'connection'),
    sshdTest: parseSshdTest(bodyOf(sections, 'sshd-test')),
    effective: parseEffectiveConfig(effective.find((s) => s.argument === '')?.body ?? ''),
    effectiveFor: new Map<string, EffectiveConfig>(effective.filter((s) => s.argument !== '').map((s) => [s.argument, parseEffectiveConfig(s.body)])),
    accounts: new Map(of('login').flatMap((s) => parseAccount(s))),
    hostKeys: of('host-key').map(parseHostKey),
    files: new Map(of('file').flatMap((s) => parseFile(s))),
    directories: new Set(lines(bodyOf(sections, 'directories')).map((line) => line.split(' ').slice(2).join(' '))),
    writable: argumentOf(sections, 'writable') === 'yes',
    freeKib: leastFree(bodyOf(sections, 'space')),
    freeInodes: leastFree(bodyOf(sections, 'inodes')),
    selinux: argumentOf(sections, 'selinux') || undefined,
    systemd,
    reload: reloadMethod(sections, systemd, listener),
    socketActivated: unitsOf(sections).some(isActiveSocket),
    tools: new Set(lines(bodyOf(sections, 'tools'))),
    lock: bodyOf(sections, 'lock').trim() || undefined,
    transactions: of('transaction').map(parseTransaction),
  };
}

// sshd's title is "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"
function listenerArguments(title: string): string[] | undefined {
  const words = title.trim().replace(/^sshd: /, '').replace(/ \[listener\].*$/, '').split(' ');
  return words[0]?.endsWith('sshd') === true ? words.slice(1).filter((w) => w !== '') : undefined;
}

function parseSshdTest(body: string): HostFacts['sshdTest'] {
  const all = lines(body);
  const exit = /^exit (\d+)$/.exec(all.at(-1) ?? '')?.[1];
  return { exit: exit === undefined ? 255 : Number(exit), stderr: all.slice(0, -1) };
}

function parseAccount(section: Section): [string, string][] {
  const fields = section.body.trim().split(':');
  return fields.length >= 7 && fields[0] === section.argument ? [[section.argument, fields[6] ?? '']] : [];
}

function parseHostKey(section: Section): HostKeyFacts {
  const text = section.body.trim();
  if (text === '') return { path: section.argument, key: undefined, problem: 'the file does not exist' };
  try {
    return { path: section.argument, key: parsePublicKeyLine(lines(text).at(-1) ?? '').key, problem: undefined };
  } catch (error) {
    // only AppErrors of the decoder: here they mean that ssh-keygen printed a complaint and not a key
    if (!(error instanceof AppError)) throw error;
    return { path: section.argument, key: undefined, problem: printable(lines(text).at(-1) ?? '') };
  }
}

function parseFile(section: Section): [string, FileFacts][] {
  const end = section.body.indexOf('\n');
  const heading = /^(\d+) (\d+:\d+) \d+ ([0-9a-f]{64}) (\/.*)$/.exec(section.body.slice(0, end));
  if (end === -1 || heading === null) return [];
  const [, mode = '', owner = '', hash = '', path = ''] = heading;
  const text = section.body.slice(end + 1);
  // the hash decides whether these are the file's bytes: not so for binary files and those that were cut
  return [[section.argument, { path, mode, owner, sha256: hash, text: sha256(text) === hash ? text : undefined }]];
}

// column 4 of df -P is what is free; file systems without a count (btrfs inodes) print 0 of 0
function leastFree(body: string): number | undefined {
  const rows = lines(body).slice(1).map((line) => line.split(/\s+/));
  const free = rows.filter((row) => Number(row[1]) > 0).flatMap((row) => wholeNumber(row[3] ?? '') ?? []);
  return free.length === 0 ? undefined : Math.min(...free);
}

function reloadMethod(sections: readonly Section[], systemd: boolean, title: string): ReloadMethod | undefined {
  const pid = wholeNumber(argumentOf(sections, 'listener'));
  const isListener = title.includes('[listener]');
  const units = unitsOf(sections);
  const running = units.find(([name, ...values]) => name?.endsWith('.service') === true && values.includes('active') && (pid === undefined || values.includes(String(pid))));
  if (systemd && running?.[0] !== undefined) {
    // Debian's sshd.service is an alias: its Id is the unit's real name
    const id = running.slice(1).find((value) => value.endsWith('.service'));
    return { kind: 'systemd', unit: id ?? running[0] };
  }
  if (pid !== undefined && isListener) return { kind: 'signal', pid };
  return units.some(isActiveSocket) ? { kind: 'socket' } : undefined;
}

function unitsOf(sections: readonly Section[]): string[][] {
  return lines(bodyOf(sections, 'units')).map((line) => line.split(/\s+/));
}

function isActiveSocket([name, ...values]: readonly string[]): boolean {
  return name?.endsWith('.socket') === true && values.includes('active');
}

function parseTransaction(section: Section): TransactionFacts {
  const all = lines(section.body);
  const known: readonly TransactionState[] = ['confirmed', 'rolled-back', 'rolling-back', 'armed'];
  const field = (name: string): string | undefined => all.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1).trim() || undefined;
  return {
    id: section.argument,
    state: known.find((state) => all.includes(state)) ?? 'staging',
    deadline: wholeNumber(field('deadline') ?? ''),
    reason: field('reason'),
  };
}

/** Undefined for anything but digits: `Number` also takes '', '0x10', '1e9' and '-1', and a host's noise may be any of them. */
function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
