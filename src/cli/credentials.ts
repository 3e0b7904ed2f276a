import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { usageError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { Host } from '../inventory/host.ts';
import type { Credential } from '../ssh/session.ts';
import type { FleetFlags } from './fleet-flags.ts';
import type { Io } from './io.ts';

const USUAL_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * What to log in with, in the order in which it is offered: the key that was named, with its certificate where one lies
 * beside it; else the agent, else the usual keys of ~/.ssh. Never both a named key and others: sshd counts attempts.
 * Beside a named key the agent stands for that key only: it may be encrypted there, or on hardware.
 * @throws AppError `ssh/no-credential`, `ssh/key-unreadable`
 */
export async function credentialsFor(io: Io, host: Host, flags: Pick<FleetFlags, 'identity'>, home: string): Promise<readonly Credential[]> {
  const named = flags.identity ?? host.identityFile;
  const socket = host.agent ? io.env['SSH_AUTH_SOCK'] : undefined;
  const agent: Credential[] = socket === undefined || socket === '' ? [] : [{ kind: 'agent', socket }];
  if (named !== undefined) return [...agent, ...(await keyCredentials(named))];
  if (agent.length > 0) return agent;
  const usual = USUAL_KEYS.map((name) => join(home, '.ssh', name)).filter((path) => existsSync(path));
  if (usual.length === 0) {
    throw usageError('ssh/no-credential', `there is nothing to log in to ${host.name} with`, {
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
