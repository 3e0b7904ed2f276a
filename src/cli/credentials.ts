import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { usageError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { Credential } from '../ssh/session.ts';
import type { FleetFlags } from './fleet-flags.ts';
import type { Io } from './io.ts';

const USUAL_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/** Whoever is logged in to: a host of the inventory, or a jump host on the way to one. */
export interface LoginTarget {
  /** For messages. */
  readonly name: string;
  /** Absolute path. */
  readonly identityFile: string | undefined;
  readonly agent: boolean;
}

/**
 * What to log in to a target with, in the order in which it is offered.
 * @throws AppError `ssh/no-credential`, `ssh/key-unreadable`
 */
export type CredentialSource = (target: LoginTarget) => Promise<readonly Credential[]>;

/**
 * The credentials of one run, for every host and jump host alike: made once, because what is asked of a person is asked
 * once. The key that was named, with its certificate where one lies beside it; else the agent, else the usual keys of
 * ~/.ssh. Never both a named key and others: sshd counts attempts. Beside a named key the agent stands for that key
 * only: it may be encrypted there, or on hardware.
 */
export function credentialSource(io: Io, flags: Pick<FleetFlags, 'identity'>, home: string): CredentialSource {
  return (target) => credentialsFor(io, target, flags, home);
}

async function credentialsFor(io: Io, target: LoginTarget, flags: Pick<FleetFlags, 'identity'>, home: string): Promise<readonly Credential[]> {
  const named = flags.identity ?? target.identityFile;
  const socket = target.agent ? io.env['SSH_AUTH_SOCK'] : undefined;
  const agent: Credential[] = socket === undefined || socket === '' ? [] : [{ kind: 'agent', socket }];
  if (named !== undefined) return [...agent, ...(await keyCredentials(named))];
  if (agent.length > 0) return agent;
  const usual = USUAL_KEYS.map((name) => join(home, '.ssh', name)).filter((path) => existsSync(path));
  if (usual.length === 0) {
    throw usageError('ssh/no-credential', `there is nothing to log in to ${target.name} with`, {
      hint: 'name a key with --identity FILE or identityFile in the inventory, or start an ssh-agent that holds one',
    });
  }
  return (await Promise.all(usual.map(keyCredentials))).flat();
}

async function keyCredentials(path: string): Promise<Credential[]> {
  const key: Credential = { kind: 'key', path };
  const certificatePath = `${path}-cert.pub`;
  if (!existsSync(certificatePath)) return [key];
  const privateKey = await readText('private key', path);
  const certificate = (await readText('certificate', certificatePath)).trim();
  return [{ kind: 'certificate', privateKey: new Secret(privateKey), certificate }, key];
}

async function readText(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw usageError('ssh/key-unreadable', `the ${what} ${path} cannot be read (${code})`, { cause, hint: 'check the path and its mode' });
  }
}
