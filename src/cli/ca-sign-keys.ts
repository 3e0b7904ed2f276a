import { resolve } from 'node:path';
import { parseDuration } from '../base/duration.ts';
import { AppError, EXIT, usageError, type ExitCode } from '../base/errors.ts';
import type { Ca, CertificateRequest, IssuedCertificate } from '../ca/ca.ts';
import { findProfile, type Profile } from '../ca/profile.ts';
import { writeFileAtomically } from '../ca/private-file-adapter.ts';
import type { CertOption } from '../wire/certificate.ts';
import type { SignFlags } from './ca-sign.ts';
import { operatorOf, paint, type Io } from './io.ts';
import { certificateFileOf, readPublicKeyFile } from './public-key-file.ts';
import { table } from './table.ts';
import { findWorkspace, type Workspace } from './workspace.ts';
import { openWorkspaceCa } from './workspace-ca.ts';

interface Signed {
  readonly file: string;
  readonly issued: IssuedCertificate;
}

interface Refused {
  readonly key: string;
  readonly error: AppError;
}

/** The body of `ensign ca sign`. One key that is refused does not stop the others; the exit code is that of the first refusal. */
export async function signKeys(io: Io, keys: readonly string[], flags: SignFlags): Promise<ExitCode> {
  const workspace = await findWorkspace(io, flags);
  const profile = findProfile(workspace.profiles, flags.profile);
  // flags are judged before anybody is asked for a passphrase
  const request = requestOf(io, workspace, profile, flags);
  refuseSameTarget(io, keys);
  const ca = await openWorkspaceCa(io, workspace, { ...flags, unlock: [profile.type] });
  const signed: Signed[] = [];
  const refused: Refused[] = [];
  try {
    for (const key of keys) {
      try {
        signed.push(await signOne(ca, resolve(io.cwd, key), request));
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        refused.push({ key, error });
      }
    }
  } finally {
    await ca.close();
  }
  show(io, flags, signed, refused);
  return refused[0]?.error.exit ?? EXIT.good;
}

async function signOne(ca: Ca, keyFile: string, request: Omit<CertificateRequest, 'subject'>): Promise<Signed> {
  const subject = await readPublicKeyFile(keyFile);
  const issued = await ca.issue(ca.lint(ca.prepare({ ...request, subject })));
  const file = certificateFileOf(keyFile);
  try {
    await writeFileAtomically(file, `${issued.line}\n`, 0o644);
  } catch (error) {
    throw new AppError('ca/cannot-write', `serial ${issued.serial.toString()} was issued, but ${file} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, { cause: error, hint: 'make the folder writable and sign again' });
  }
  return { file, issued };
}

function requestOf(io: Io, workspace: Workspace, profile: Profile, flags: SignFlags): Omit<CertificateRequest, 'subject'> {
  if (profile.internal) throw usageError('ca/unknown-profile', `profile ${profile.name} is for ensign itself`, { hint: 'choose another --profile' });
  if (profile.type === 'host' && flags.hostId === undefined) {
    throw usageError('ca/flags', 'a host certificate needs to know whose names it carries', { hint: 'add --host-id environment/name, as in the inventory' });
  }
  if (profile.type === 'user' && flags.hostId !== undefined) throw usageError('ca/flags', '--host-id is for host profiles', { hint: `leave it out, or choose another --profile than ${profile.name}` });
  return {
    profile: profile.name,
    principals: principalsOf(io, workspace, profile, flags),
    keyId: { who: flags.identity ?? operatorOf(io), why: 'ca-sign', reason: flags.reason },
    ttl: flags.ttl === undefined ? undefined : parseDuration(flags.ttl),
    criticalOptions: criticalOptionsOf(flags),
    extensions: extensionsOf(profile, flags),
    host: flags.hostId === undefined ? undefined : { id: flags.hostId },
  };
}

function principalsOf(io: Io, workspace: Workspace, profile: Profile, { principal, environment }: SignFlags): readonly string[] {
  if (environment === undefined) {
    const bare = profile.type === 'user' && workspace.scopePrincipals ? principal.filter((p) => p !== '' && !p.includes('/')) : [];
    if (bare.length > 0) io.note(`${paint(io, 'warn', 'note')} ${bare.join(', ')} has no environment: hosts of this workspace expect ENVIRONMENT/PRINCIPAL; add --environment`);
    return principal;
  }
  if (profile.type === 'host') throw usageError('ca/flags', 'host names are not scoped', { hint: 'leave out --environment; --host-id says which environment the host is in' });
  if (!workspace.scopePrincipals) throw usageError('ca/flags', 'this workspace does not scope principals', { hint: 'leave out --environment, or set scopePrincipals: true in ensign.yaml' });
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(environment)) throw usageError('ca/flags', `${JSON.stringify(environment)} is no name of an environment`, { hint: 'write it as in the inventory, such as staging' });
  return principal.map((p) => (p === '' ? p : `${environment}/${p}`));
}

function criticalOptionsOf(flags: SignFlags): CertOption[] {
  const options: CertOption[] = [];
  if (flags.forceCommand !== undefined) options.push({ name: 'force-command', value: flags.forceCommand });
  if (flags.sourceAddress.length > 0) options.push({ name: 'source-address', value: flags.sourceAddress.join(',') });
  if (flags.verifyRequired === true) options.push({ name: 'verify-required', value: '' });
  return options;
}

/** The profile's extensions, less what was forbidden and with what was asked for. */
function extensionsOf(profile: Profile, flags: SignFlags): CertOption[] {
  const less = [flags.pty || 'permit-pty', flags.portForwarding || 'permit-port-forwarding', flags.userRc || 'permit-user-rc'];
  const more = [...(flags.agentForwarding === true ? ['permit-agent-forwarding'] : []), ...(flags.x11Forwarding === true ? ['permit-X11-forwarding'] : [])];
  const names = new Set([...profile.extensions.default.filter((name) => !less.includes(name)), ...more]);
  return [...names].map((name) => ({ name, value: '' }));
}

function refuseSameTarget(io: Io, keys: readonly string[]): void {
  const targets = keys.map((key) => certificateFileOf(resolve(io.cwd, key)));
  const twice = targets.find((target, i) => targets.indexOf(target) !== i);
  if (twice !== undefined) throw usageError('ca/flags', `two of the keys would both write ${twice}`, { hint: 'name each key once' });
}

function show(io: Io, flags: SignFlags, signed: readonly Signed[], refused: readonly Refused[]): void {
  const until = ({ certificate }: IssuedCertificate): string => new Date(Number(certificate.validBefore) * 1000).toISOString().replace('.000Z', 'Z');
  if (flags.json === true) {
    const certificates = signed.map(({ file, issued }) => ({ file, serial: issued.serial.toString(), keyId: issued.certificate.keyId, principals: issued.certificate.principals, validBefore: until(issued) }));
    io.out(JSON.stringify({ certificates, refused: refused.map(({ key, error }) => ({ key, code: error.code, message: error.message, hint: error.hint })) }));
  } else {
    const rows = signed.map(({ file, issued }) => [file, issued.certificate.principals.join(','), issued.serial.toString(), until(issued)]);
    for (const line of table(io, ['CERTIFICATE', 'PRINCIPALS', 'SERIAL', 'VALID UNTIL'], rows)) io.out(line);
  }
  for (const { key, error } of refused) {
    io.note(`${paint(io, 'bad', 'refused')} ${key}: ${error.message} ${paint(io, 'dim', `[${error.code}]`)}`);
    if (error.hint !== undefined) io.note(`${paint(io, 'dim', 'hint')}  ${error.hint}`);
  }
}
