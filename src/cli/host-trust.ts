import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, formatLocation } from '../base/errors.ts';
import { nowSeconds } from '../base/clock.ts';
import type { Host } from '../inventory/host.ts';
import { checkCertificate } from '../wire/check-certificate.ts';
import { fingerprint, type PublicKey } from '../wire/public-key.ts';
import { appendKnownHost } from '../ssh/known-hosts-file-adapter.ts';
import { hostKeyCheck, sameKeyCheck } from '../ssh/host-keys.ts';
import { joinKnownHosts, parseKnownHosts, revocationOf, type KnownHosts } from '../ssh/known-hosts.ts';
import { scanHostCertificate, type ScanResult } from '../ssh/scan.ts';
import type { Connect, ConnectOptions, HostSession } from '../ssh/session.ts';
import type { Io } from './io.ts';
import type { Workspace } from './workspace.ts';

/** What the operator knows about hosts' keys, read once a run. */
export interface HostTrust {
  readonly knownHosts: KnownHosts;
  readonly ownFile: string;
  readonly hostAuthority: PublicKey;
}

/** The user's known_hosts files and ensign's own; those that do not exist are empty. */
export async function readHostTrust(workspace: Workspace, hostAuthority: PublicKey, home: string): Promise<HostTrust> {
  const files = [join(home, '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts', workspace.knownHostsFile];
  const read = await Promise.all(files.map(async (file) => parseKnownHosts(await readFile(file, 'utf8').catch(() => ''), file)));
  return { knownHosts: joinKnownHosts(read), ownFile: workspace.knownHostsFile, hostAuthority };
}

/**
 * Connects with the host's key judged as the inventory says. A host that nobody knows by its plain key is accepted by
 * its certificate: one scan proves that it holds a key that the host authority vouches for under this name.
 */
export async function connectTrusted(io: Io, trust: HostTrust, host: Host, connect: Connect, options: Omit<ConnectOptions, 'hostKey' | 'hostKeyTypes'>): Promise<HostSession> {
  const names = [...new Set([host.name, host.address])];
  let learned: PublicKey | undefined;
  const check = hostKeyCheck({ names, port: host.port, knownHosts: trust.knownHosts, firstContact: host.firstContact, pinned: host.hostKey, onFirstContact: (key) => { learned = key; } });
  try {
    const session = await connect({ ...options, hostKey: check, hostKeyTypes: knownKeyTypes(trust, names, host.port) });
    if (learned !== undefined) {
      await appendKnownHost(trust.ownFile, { name: host.address, port: host.port, key: learned });
      io.note(`${host.name}: first contact, accepted ${learned.type} ${fingerprint(learned)} as the inventory allows`);
    }
    return session;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'ssh/host-key-unknown') throw error;
    const vouched = await keyByCertificate(io, trust, host);
    if (vouched === undefined) throw error;
    if (vouched instanceof AppError) {
      throw new AppError(error.code, `${error.message}, and its certificate does not vouch for it: ${vouched.message}`, { hint: error.hint, exit: error.exit, cause: vouched });
    }
    return connect({ ...options, hostKey: sameKeyCheck(vouched), hostKeyTypes: [vouched.type] });
  }
}

// a host shows one key only: it is asked for one that is known, as ssh does
function knownKeyTypes({ knownHosts }: HostTrust, names: readonly string[], port: number): string[] {
  return [...new Set(names.flatMap((name) => knownHosts.lookup(name, port)).filter((entry) => entry.marker === 'none').map((entry) => entry.key.type))];
}

// the key that a certificate vouches for; why the certificate does not hold; or nothing, where none was to be had
async function keyByCertificate(io: Io, trust: HostTrust, host: Host): Promise<PublicKey | AppError | undefined> {
  const { certificate } = await scan(host);
  if (certificate === undefined) return undefined;
  try {
    checkCertificate(certificate, { type: 'host', authorities: [trust.hostAuthority], principal: host.name, nowSeconds: nowSeconds(io.clock) });
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  for (const key of [certificate.subject, trust.hostAuthority]) {
    const line = revocationOf(trust.knownHosts, [host.name, host.address], host.port, key);
    if (line !== undefined) return new AppError('ssh/host-key-revoked', `${formatLocation(line.at)} revokes ${key === trust.hostAuthority ? 'its authority' : 'its key'}`);
  }
  return certificate.subject;
}

// a host that cannot be scanned is as unknown as it was
async function scan(host: Host): Promise<Partial<ScanResult>> {
  try {
    return await scanHostCertificate({ address: host.address, port: host.port });
  } catch (error) {
    if (error instanceof AppError) return {};
    throw error;
  }
}
