import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, formatLocation, usageError } from '../base/errors.ts';
import { nowSeconds } from '../base/clock.ts';
import type { JumpHost } from '../inventory/host.ts';
import { fingerprint, formatPublicKeyLine, type PublicKey } from '../wire/public-key.ts';
import { appendKnownHost } from '../ssh/known-hosts-file-adapter.ts';
import { checkHostCertificate } from '../ssh/host-certificates.ts';
import { hostKeyCheck, sameKeyCheck } from '../ssh/host-keys.ts';
import { joinKnownHosts, parseKnownHosts, type KnownHosts } from '../ssh/known-hosts.ts';
import type { ScanResult } from '../ssh/scan.ts';
import type { ConnectOptions, HostKeyCheck, HostSession } from '../ssh/session.ts';
import type { Way } from '../ssh/ways.ts';
import type { Io } from './io.ts';
import type { Workspace } from './workspace.ts';

/** What the operator knows about hosts' keys, read once a run. */
export interface HostTrust {
  readonly knownHosts: KnownHosts;
  /** Where keys of first contacts are written down; without a workspace there is no such place, and none is accepted. */
  readonly ownFile: string | undefined;
  /** Keys of first contacts of this run, by name and place: who is met twice, as a jump host and as a host, has to be the same. */
  readonly met: Map<string, { readonly key: PublicKey; written: boolean }>;
}

/**
 * The user's known_hosts files; in a workspace also ensign's own, and its authority, which vouches for every name that
 * it signs. Files that do not exist are empty; a line that cannot be read is named, and skipped as ssh skips it.
 * @throws AppError `ssh/known-hosts-unreadable`: a file that cannot be read may hold a revoked key
 */
export async function readHostTrust(io: Pick<Io, 'note'>, workspace: Workspace | undefined, hostAuthority: PublicKey | undefined, home: string): Promise<HostTrust> {
  const ownFile = workspace?.knownHostsFile;
  const files = [join(home, '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts', ...(ownFile === undefined ? [] : [ownFile])];
  const read = await Promise.all(files.map(async (file) => parseKnownHosts(await readIfThere(file), file)));
  for (const { at, reason } of read.flatMap((one) => one.skipped)) io.note(`${formatLocation(at)}: this line is skipped: ${reason}`);
  const line = hostAuthority === undefined ? '' : `@cert-authority * ${formatPublicKeyLine(hostAuthority)}\n`;
  const own = parseKnownHosts(line, `${workspace?.caDirectory ?? ''}/host_ca.pub`);
  return { knownHosts: joinKnownHosts([...read, own]), ownFile, met: new Map() };
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw usageError('ssh/known-hosts-unreadable', `cannot read ${file}`, { cause, hint: 'make it readable: it may name keys that must not be trusted' });
  }
}

/** Whose key is to be judged, and by what: a host of the inventory, or a jump host on the way to one. */
export type TrustTarget = Pick<JumpHost, 'name' | 'address' | 'port' | 'firstContact' | 'hostKey' | 'connectTimeout'>;

/**
 * Connects with the host's key judged as the inventory says. A host that nobody knows by its plain key is accepted by
 * its certificate: one scan by the same way proves that it holds a key that the host authority vouches for under this
 * name.
 */
export async function connectTrusted(io: Io, trust: HostTrust, host: TrustTarget, way: Way, options: Omit<ConnectOptions, 'hostKey' | 'hostKeyTypes'>): Promise<HostSession> {
  const names = [...new Set([host.name, host.address])];
  const firstContact = firstContactOf(trust, host);
  // the name as well: behind two jump hosts one private address is two machines
  const place = `${host.name} ${host.address} ${host.port}`;
  let refused: AppError | undefined;
  const judge = hostKeyCheck({ names, port: host.port, knownHosts: trust.knownHosts, firstContact, pinned: host.hostKey, onFirstContact: (key) => void trust.met.set(place, { key, written: false }) });
  const check: HostKeyCheck = (key) => {
    const met = firstContact === 'accept-new' ? trust.met.get(place) : undefined;
    const verdict = (met === undefined ? judge : sameKeyCheck(met.key))(key);
    if (!verdict.accepted) refused = verdict.error;
    return verdict;
  };
  try {
    const session = await way.connect({ ...options, hostKey: check, hostKeyTypes: knownKeyTypes(trust, names, host.port) });
    await writeDown(io, trust, host, place).catch(async (error: unknown) => {
      await session.close();
      throw error;
    });
    return session;
  } catch (error) {
    // a jump host's unknown key, which comes out here as well, is not this host's
    if (!(error instanceof AppError) || error.code !== 'ssh/host-key-unknown' || error !== refused) throw error;
    const vouched = await keyByCertificate(io, trust, host, way);
    if (vouched === undefined) throw error;
    if (vouched instanceof AppError) {
      throw new AppError(error.code, `${error.message}, and its certificate does not vouch for it: ${vouched.message}`, { hint: error.hint, exit: error.exit, cause: vouched });
    }
    return way.connect({ ...options, hostKey: sameKeyCheck(vouched), hostKeyTypes: [vouched.type] });
  }
}

// after the login: a key that nobody could use is not remembered for later runs
async function writeDown(io: Io, { met, ownFile }: HostTrust, host: TrustTarget, place: string): Promise<void> {
  const first = met.get(place);
  if (first === undefined || first.written || ownFile === undefined) return;
  first.written = true;
  await appendKnownHost(ownFile, { name: host.address, port: host.port, key: first.key });
  io.note(`${host.name}: first contact, accepted ${first.key.type} ${fingerprint(first.key)} as the inventory allows`);
}

// what cannot be written down would be a first contact every time
function firstContactOf({ ownFile }: HostTrust, { firstContact }: TrustTarget): TrustTarget['firstContact'] {
  return firstContact === 'accept-new' && ownFile === undefined ? 'known-hosts' : firstContact;
}

// a host shows one key only: it is asked for one that is known, as ssh does
function knownKeyTypes({ knownHosts }: HostTrust, names: readonly string[], port: number): string[] {
  return [...new Set(names.flatMap((name) => knownHosts.lookup(name, port)).filter((entry) => entry.marker === 'none').map((entry) => entry.key.type))];
}

// the key that a certificate vouches for; why the certificate does not hold; or nothing, where none was to be had
async function keyByCertificate(io: Io, { knownHosts }: HostTrust, host: TrustTarget, way: Way): Promise<PublicKey | AppError | undefined> {
  const { certificate } = await scan(host, way);
  if (certificate === undefined) return undefined;
  try {
    // for the name alone: an address changes hands
    checkHostCertificate(certificate, { names: [host.name], port: host.port, knownHosts, nowSeconds: nowSeconds(io.clock) });
    return certificate.subject;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

// a host that cannot be scanned is as unknown as it was
async function scan({ address, port, connectTimeout }: TrustTarget, way: Way): Promise<Partial<ScanResult>> {
  try {
    return await way.scan({ address, port, ...(connectTimeout === undefined ? {} : { timeoutMs: connectTimeout * 1000 }) });
  } catch (error) {
    if (error instanceof AppError) return {};
    throw error;
  }
}
