import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { usageError, type AppError } from '../base/errors.ts';
import { parseCertificateLine } from '../wire/certificate.ts';
import { fingerprint } from '../wire/public-key.ts';
import { readPublicHalf } from './key-file-adapter.ts';
import { nothingToOffer } from './login-failure.ts';
import { MOST_KEYS } from './login.ts';
import type { Offer } from './offer.ts';
import { openCredentials } from './offers-adapter.ts';
import type { ClientIdentity } from './openssh-config.ts';
import type { ConnectOptions, Credential } from './session.ts';

/** What a run of the client has to log in with. */
export interface ClientCredentials {
  /** Signed for by ensign, or by an agent that it asks. */
  readonly offers: readonly Offer[];
  /** Keys on hardware, which only the client can use. */
  readonly identities: readonly ClientIdentity[];
  /** All of them, for messages. */
  readonly labels: readonly string[];
  /** How many keys are not offered, because a host hangs up after a few. */
  readonly left: number;
  readonly problems: readonly AppError[];
}

/**
 * Sorts the credentials: what can sign in this process, or in an agent, becomes an offer; a key of a security key
 * (`sk-...`) becomes a file for the client. `folder` is private to this login.
 * @throws AppError `ssh/auth-failed`, `ssh/keys-only`, or the first problem, when nothing is left
 */
export async function clientCredentials(options: ConnectOptions, folder: string): Promise<ClientCredentials> {
  const identities: ClientIdentity[] = [];
  const labels: string[] = [];
  const others: Credential[] = [];
  const agents = options.credentials.filter(({ kind }) => kind === 'agent');
  for (const [i, credential] of options.credentials.entries()) {
    const identity = await hardwareIdentity(credential, agents, join(folder, `key-${i}`));
    if (identity === undefined) others.push(credential);
    else {
      identities.push(identity.identity);
      labels.push(identity.label);
    }
  }
  // an agent beside a named key stands for that key only, and the client has that one already
  const named = others.some(({ kind }) => kind === 'key');
  const { offers, problems } = await openCredentials(identities.length > 0 && !named ? others.filter(({ kind }) => kind !== 'agent') : others);
  if (offers.length + identities.length === 0) throw problems[0] ?? nothingLeft(options);
  const few = offers.slice(0, Math.max(0, MOST_KEYS - identities.length));
  return { offers: few, identities, labels: [...few.map(({ label }) => label), ...labels], left: offers.length - few.length, problems };
}

async function hardwareIdentity(credential: Credential, agents: readonly Credential[], file: string): Promise<{ identity: ClientIdentity; label: string } | undefined> {
  if (credential.kind === 'key') {
    const key = existsSync(credential.path) ? await readPublicHalf(credential.path) : undefined;
    if (key === undefined || !key.kind.startsWith('sk-')) return undefined;
    // an agent that holds it asks for PIN and touch in its own way
    if (agents.length > 0 && (await openCredentials([...agents, credential])).offers.length > 0) return undefined;
    const label = `${fingerprint(key)} (${credential.path})`;
    if (credential.certificate === undefined) return { identity: { path: credential.path }, label };
    await writeFile(`${file}-cert.pub`, `${credential.certificate}\n`);
    return { identity: { path: credential.path, certificateFile: `${file}-cert.pub` }, label };
  }
  if (credential.kind !== 'certificate') return undefined;
  const { certificate } = parseCertificateLine(credential.certificate);
  if (!certificate.subject.kind.startsWith('sk-')) return undefined;
  await writeFile(file, credential.privateKey.reveal(), { mode: 0o600 });
  await writeFile(`${file}-cert.pub`, `${credential.certificate}\n`);
  return { identity: { path: file, certificateFile: `${file}-cert.pub` }, label: `${fingerprint(certificate.subject)} (certificate ${JSON.stringify(certificate.keyId)})` };
}

function nothingLeft({ host, credentials }: ConnectOptions): AppError {
  if (credentials.length > 0 && credentials.every(({ kind }) => kind === 'answers')) {
    return usageError('ssh/keys-only', `the transport openssh logs in to ${host} by keys only, and there is none`, { hint: 'name a key, or use the transport node-ssh for a login by password' });
  }
  return nothingToOffer(host);
}
