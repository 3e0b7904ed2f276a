import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import type { AppError } from '../base/errors.ts';
import { usageError } from '../base/errors.ts';
import { entryExists } from '../base/exists-adapter.ts';
import { Secret } from '../base/secret.ts';
import { isPlainText } from '../base/text.ts';
import type { KeyType } from '../ca/key-files-adapter.ts';
import type { Io } from './io.ts';
import { passphraseFromFlags, type PassphraseFlags } from './passphrase.ts';
import { WORKSPACE_FILE } from './workspace.ts';

export interface InitFlags extends PassphraseFlags {
  readonly yes?: boolean;
  readonly organization?: string;
  readonly keyType?: KeyType;
  readonly newPassphraseFile?: string;
  readonly userKey?: string;
  readonly hostKey?: string;
}

/** Everything that has to be decided before anything is written. */
export interface InitAnswers {
  /** Absolute. */
  readonly root: string;
  readonly organization: string;
  readonly keys:
    | { readonly from: 'new'; readonly type: KeyType; readonly passphrase: Secret<string> }
    | { readonly from: 'agent'; readonly userKeyFile: string; readonly hostKeyFile: string };
  /** As it stands in ensign.yaml: relative to the root where it is inside. */
  readonly passphraseFile: string | undefined;
  /** Absolute path of a passphrase file that is to be written. */
  readonly newPassphraseFile: string | undefined;
  /** A last sentence about the passphrase. */
  readonly passphraseNote: string;
}

const SHORTEST_PASSPHRASE = 8;
export const PLANNED_FILES = [WORKSPACE_FILE, 'ca', 'inventories/staging.yaml', 'inventories/production.yaml'] as const;

/**
 * Decides all of `ensign init` from its flags, and asks for the rest when somebody can answer.
 * @throws AppError `init/exists`, `init/not-interactive`, `init/no-passphrase`, `init/weak-passphrase`, `init/flags`
 */
export async function askForInit(io: Io, dir: string, flags: InitFlags): Promise<InitAnswers> {
  const root = resolve(io.cwd, dir);
  refuseContradictions(flags);
  for (const file of PLANNED_FILES) {
    if (await entryExists(join(root, file))) throw usageError('init/exists', `${join(root, file)} is there already`, { hint: 'init never overwrites: choose an empty folder' });
  }
  const ask = io.interactive && flags.yes !== true;
  if (!ask && flags.yes !== true) {
    throw usageError('init/not-interactive', 'there is no terminal to ask on', { hint: 'say --yes and --new-passphrase-file FILE (or --passphrase-file, --passphrase-fd)' });
  }
  const organization = checkOrganization(flags.organization ?? (ask ? await askOrganization(io, root) : defaultOrganization(root)));
  if (flags.userKey !== undefined && flags.hostKey !== undefined) {
    const keys = { from: 'agent', userKeyFile: resolve(io.cwd, flags.userKey), hostKeyFile: resolve(io.cwd, flags.hostKey) } as const;
    return { root, organization, keys, passphraseFile: undefined, newPassphraseFile: undefined, passphraseNote: 'The private keys stay in your ssh-agent.' };
  }
  const type = flags.keyType ?? (ask ? await askKeyType(io) : 'ed25519');
  return { root, organization, ...(await decidePassphrase(io, root, flags, type, ask)) };
}

function refuseContradictions(flags: InitFlags): void {
  const sources = [flags.passphraseFile, flags.passphraseFd, flags.newPassphraseFile].filter((f) => f !== undefined).length;
  const agent = [flags.userKey, flags.hostKey].filter((f) => f !== undefined).length;
  const wrong = (why: string, hint: string): AppError => usageError('init/flags', why, { hint });
  if (sources > 1) throw wrong('a passphrase comes from one place', 'give one of --passphrase-file, --passphrase-fd and --new-passphrase-file');
  if (agent === 1) throw wrong('both authorities are held by the agent or none', 'give --user-key and --host-key');
  if (agent === 2 && (sources > 0 || flags.keyType !== undefined)) throw wrong('keys in an agent have their type and no passphrase here', 'leave out --key-type and the passphrase');
}

async function decidePassphrase(io: Io, root: string, flags: InitFlags, type: KeyType, ask: boolean): Promise<Pick<InitAnswers, 'keys' | 'passphraseFile' | 'newPassphraseFile' | 'passphraseNote'>> {
  const given = await passphraseFromFlags(io, flags);
  if (given !== undefined) {
    const file = flags.passphraseFile === undefined ? undefined : resolve(io.cwd, flags.passphraseFile);
    return {
      keys: { from: 'new', type, passphrase: strong(given) },
      passphraseFile: file === undefined ? undefined : relativeInside(root, file),
      newPassphraseFile: undefined,
      passphraseNote: 'Keep the passphrase safe: without it the keys are lost.',
    };
  }
  if (flags.newPassphraseFile === undefined) {
    if (!ask) {
      throw usageError('init/no-passphrase', 'the keys need a passphrase', { hint: 'let ensign make one up with --new-passphrase-file FILE, or give --passphrase-file or --passphrase-fd' });
    }
    const passphrase = strong(await askPassphrase(io));
    return { keys: { from: 'new', type, passphrase }, passphraseFile: undefined, newPassphraseFile: undefined, passphraseNote: 'Keep the passphrase safe: without it the keys are lost.' };
  }
  const file = resolve(io.cwd, flags.newPassphraseFile);
  if (await entryExists(file)) throw usageError('init/exists', `${file} is there already`, { hint: 'a passphrase is never overwritten: use it with --passphrase-file, or choose another name' });
  const { randomBytes } = await import('node:crypto');
  return {
    keys: { from: 'new', type, passphrase: new Secret(randomBytes(24).toString('base64url')) },
    passphraseFile: relativeInside(root, file),
    newPassphraseFile: file,
    passphraseNote: `Keep ${file} safe, and a copy elsewhere: without it the keys are lost.`,
  };
}

function strong(passphrase: Secret<string>): Secret<string> {
  if (Array.from(passphrase.reveal()).length < SHORTEST_PASSPHRASE) {
    throw usageError('init/weak-passphrase', `the passphrase is shorter than ${SHORTEST_PASSPHRASE} characters`, { hint: 'choose a longer one, or let ensign make one up with --new-passphrase-file FILE' });
  }
  return passphrase;
}

function checkOrganization(name: string): string {
  if (name.trim() !== '' && name.length <= 100 && isPlainText(name)) return name.trim();
  throw usageError('init/organization', 'the name of the organization is empty, too long or holds unprintable characters', { hint: 'choose a name of 1 to 100 characters' });
}

function defaultOrganization(root: string): string {
  const name = basename(root);
  return name !== '' && isPlainText(name) ? name : 'default';
}

async function askOrganization(io: Io, root: string): Promise<string> {
  const { input } = await import('@inquirer/prompts');
  return input({ message: 'Name of your organization', default: defaultOrganization(root) }, { output: process.stderr, signal: io.interrupted });
}

async function askKeyType(io: Io): Promise<KeyType> {
  const { select } = await import('@inquirer/prompts');
  const choices: { name: string; value: KeyType }[] = [
    { name: 'Ed25519 (recommended)', value: 'ed25519' },
    { name: 'ECDSA P-256', value: 'ecdsa-256' },
    { name: 'ECDSA P-384 (where FIPS asks)', value: 'ecdsa-384' },
    { name: 'RSA 3072', value: 'rsa-3072' },
    { name: 'RSA 4096', value: 'rsa-4096' },
  ];
  return select({ message: 'Type of the two CA keys', choices }, { output: process.stderr, signal: io.interrupted });
}

async function askPassphrase(io: Io): Promise<Secret<string>> {
  const { password } = await import('@inquirer/prompts');
  const context = { output: process.stderr, signal: io.interrupted };
  const first = await password({ message: 'Passphrase for the CA keys', mask: true, validate: (text) => Array.from(text).length >= SHORTEST_PASSPHRASE || `at least ${SHORTEST_PASSPHRASE} characters` }, context);
  await password({ message: 'Once more', mask: true, validate: (text) => text === first || 'that is not the same' }, context);
  return new Secret(first);
}

function relativeInside(root: string, file: string): string {
  const path = relative(root, file);
  return path.startsWith('..') || isAbsolute(path) ? file : path;
}
