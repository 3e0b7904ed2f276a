import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { usageError } from '../base/errors.ts';
import { privatePathOf } from '../ssh/key-file-adapter.ts';
import { KeyMemory } from '../ssh/key-memory.ts';
import type { Credential } from '../ssh/session.ts';
import type { Io } from './io.ts';
import { KeyRing } from './key-ring.ts';
import { askAtTerminal, readLoginPassword, type PasswordFlags } from './login-questions.ts';

const USUAL_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/** Flags about what to log in with. */
export interface LoginFlags extends PasswordFlags {
  readonly identity?: readonly string[];
  readonly keyPassphraseFile?: string;
}

/** Whoever is logged in to: a host of the inventory, or a jump host on the way to one. */
export interface LoginTarget {
  /** For messages. */
  readonly name: string;
  /** Absolute path. */
  readonly identityFile: string | undefined;
  readonly agent: boolean;
  /** Where its agent is, in place of SSH_AUTH_SOCK. */
  readonly agentSocket?: string;
}

/**
 * What to log in to a target with, in the order in which it is offered.
 * @throws AppError `ssh/no-credential`, `ssh/key-unreadable`
 */
export type CredentialSource = (target: LoginTarget) => Promise<readonly Credential[]>;

/**
 * The credentials of one run, for every host and jump host alike: made once, because what is asked of a person is asked
 * once. The keys that were named, with their certificates; else the agent and the usual keys of ~/.ssh. Never both named
 * keys and others: sshd counts attempts. Beside a named key the agent stands for that key only: it may be encrypted
 * there, or on hardware. Then the password, if one was given, and a person's answers, if somebody is there.
 * Secrets of the keys that `targets` name are asked for now.
 * @throws AppError `ssh/key-passphrase-needed`, `ssh/key-passphrase-wrong`, `ssh/no-terminal`, `ssh/bad-password`, `ssh/bad-passphrase`, `ca/missing`, `ca/unsafe-permissions`
 */
export async function openCredentialSource(io: Io, flags: LoginFlags, home: string, targets: readonly LoginTarget[]): Promise<CredentialSource> {
  const ring = await KeyRing.open(io, flags.keyPassphraseFile);
  const named = flags.identity?.map((path) => resolve(io.cwd, path));
  const socketFor = ({ agent, agentSocket }: LoginTarget): string | undefined => (agent ? (agentSocket ?? io.env['SSH_AUTH_SOCK']) || undefined : undefined);
  // thousands of hosts name the same few keys
  const wanted = new Map(targets.flatMap((target) => (named ?? present(target.identityFile)).map((path) => [`${path}\0${socketFor(target) ?? ''}`, { path, socket: socketFor(target) }] as const)));
  for (const { path, socket } of wanted.values()) await ring.prepare(path, socket);
  const password = await readLoginPassword(io, flags);
  const ask = io.interactive ? { ask: askAtTerminal(io) } : {};
  const answers: Credential[] = password === undefined && !io.interactive ? [] : [{ kind: 'answers', ...ask, ...(password === undefined ? {} : { password }) }];
  const memory = new KeyMemory();
  let ownKeys: Promise<string[]> | undefined;
  const keys = async (paths: readonly string[], usual: boolean): Promise<Credential[]> => Promise.all(paths.map((path) => keyCredential(path, usual, ring, memory)));

  return async (target) => {
    const paths = named ?? present(target.identityFile);
    const socket = socketFor(target);
    if (paths.length > 0) return [...(socket === undefined ? [] : [{ kind: 'agent' as const, socket, memory }]), ...(await keys(paths, false)), ...answers];
    const usual = USUAL_KEYS.map((name) => join(home, '.ssh', name)).filter((path) => existsSync(path));
    const agent: Credential[] = socket === undefined ? [] : [{ kind: 'agent', socket, memory, prefer: await (ownKeys ??= publicKeysOf(join(home, '.ssh'))) }];
    const all = [...agent, ...(await keys(usual, true)), ...answers];
    if (all.length > 0) return all;
    throw usageError('ssh/no-credential', `there is nothing to log in to ${target.name} with`, {
      hint: 'name a key with --identity FILE or identityFile in the inventory, start an ssh-agent that holds one, or give --password-file FILE',
    });
  };
}

function present(path: string | undefined): string[] {
  return path === undefined ? [] : [path];
}

async function keyCredential(path: string, usual: boolean, ring: KeyRing, memory: KeyMemory): Promise<Credential> {
  const passphrase = ring.passphraseFor(path);
  const certificatePath = `${privatePathOf(path)}-cert.pub`;
  const certificate = existsSync(certificatePath) ? { certificate: (await readText('certificate', certificatePath)).trim() } : {};
  return { kind: 'key', path, usual, memory, ...certificate, ...(passphrase === undefined ? {} : { passphrase }) };
}

/** The public keys that lie in a folder, by name: what an agent holds of them is its owner's own. */
async function publicKeysOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.endsWith('.pub') && !name.endsWith('-cert.pub')).sort().map((name) => join(folder, name));
}

async function readText(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw usageError('ssh/key-unreadable', `the ${what} ${path} cannot be read (${code})`, { cause, hint: 'check the path and its mode' });
  }
}
