import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AppError, EXIT } from '../../../src/base/errors.ts';
import type { Host } from '../../../src/inventory/host.ts';
import type { HostTask } from '../../../src/host/look.ts';
import type { HostPlan } from '../../../src/host/plan-types.ts';
import type { HostPorts } from '../../../src/host/ports.ts';
import { sha256 } from '../../../src/host/probe-output.ts';
import { statusOf } from '../../../src/host/status.ts';
import type { HostSession } from '../../../src/ssh/session.ts';
import { decodeCertificate, encodeCertificate, encodeToBeSigned, formatCertificateLine, parseCertificateLine, type Certificate } from '../../../src/wire/certificate.ts';
import type { PublicKey } from '../../../src/wire/public-key.ts';
import { signData } from '../../../src/wire/signature.ts';
import { bookwormFacts, plan, RECORDED_AT, SPEC } from '../../golden/host/fixture.ts';

// A recorded host, and a clock that can be set: what `ensign status` says of it.

const DAY = 86_400;
const ca = generateKeyPairSync('ed25519');
const AUTHORITY: PublicKey = { kind: 'ed25519', type: 'ssh-ed25519', point: Buffer.from(ca.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url') };
const RECORDED = readFileSync(new URL('../../golden/host/bookworm.probe.txt', import.meta.url), 'utf8');

const HOST: Host = {
  id: 'staging/web-01.stg.lab.test', name: 'web-01.stg.lab.test', environment: 'staging', address: '10.99.0.11', port: 22, user: 'ops', identityFile: undefined, agent: true, become: 'sudo', transport: 'node-ssh', jump: [], profile: 'host',
  names: SPEC.names, shortName: undefined, firstContact: 'known-hosts', hostKey: undefined, logins: new Map(), groups: [], connectTimeout: undefined, at: { file: 'inventory' },
};
const TASK: HostTask = { ...SPEC, host: HOST, hostAuthority: AUTHORITY, release: 'r', operator: 'me', adopt: false };

function certify(key: PublicKey, names: readonly string[] = SPEC.names): Certificate {
  const fields = { type: 'host' as const, nonce: Buffer.alloc(32, 1), subject: key, serial: 7n, keyId: 'test', principals: names, validAfter: BigInt(RECORDED_AT), validBefore: BigInt(RECORDED_AT + 30 * DAY), criticalOptions: [], extensions: [], signatureKey: AUTHORITY };
  return decodeCertificate(encodeCertificate(fields, signData(AUTHORITY, ca.privateKey, encodeToBeSigned(fields))));
}

/** path -> text of every file as a first apply leaves it, the record of it included. */
function installed(): Map<string, string> {
  const done: HostPlan = plan(bookwormFacts(), { spec: { ...SPEC, hostAuthority: AUTHORITY } });
  const files = new Map(done.changes.map((c) => [c.path, c.kind === 'file' ? (c.after ?? '') : `${formatCertificateLine(certify(c.key))}\n`]));
  const state = { version: 1, transaction: 't', host: HOST.id, release: 'r', confirmedAt: RECORDED_AT, operator: 'me', userAuthorities: [], hostAuthority: '', serials: {}, files: Object.fromEntries([...files].map(([path, text]) => [path, sha256(text)])) };
  return files.set('/var/lib/ensign/state.json', JSON.stringify(state));
}

/** What the probe answers at a moment on a host with these files. */
function answer(files: ReadonlyMap<string, string>, now: number): string {
  const sections = [...files].map(([path, text]) => `MK file ${path}\n644 0:0 ${text.length} ${sha256(text)} ${path}\n${text}\n`);
  return RECORDED.replace(/MK clock \d+/, `MK clock ${now}`).replace('MK end', `${sections.join('')}MK end`);
}

function served(files: ReadonlyMap<string, string>): Certificate | undefined {
  const text = files.get('/etc/ssh/ensign/ssh_host_ed25519_key-cert.pub');
  return text === undefined ? undefined : parseCertificateLine(text.trim()).certificate;
}

interface Situation {
  readonly files?: ReadonlyMap<string, string>;
  readonly days?: number;
  readonly scan?: AppError | Certificate | undefined;
  readonly login?: AppError;
}

async function status({ files = installed(), days = 1, login, ...given }: Situation): Promise<{ verdict: string; findings: readonly string[] }> {
  const now = RECORDED_AT + days * DAY;
  const found = 'scan' in given ? given.scan : served(files);
  const session = { user: 'ops', run: () => Promise.resolve({ code: 0, signal: undefined, stdout: answer(files, now), stderr: '' }), close: () => Promise.resolve() } as unknown as HostSession;
  const ports = {
    clock: { nowMs: () => now * 1000 },
    hex: () => 'MK',
    connect: () => (login === undefined ? Promise.resolve(session) : Promise.reject(login)),
    scan: () => (found instanceof AppError ? Promise.reject(found) : Promise.resolve({ certificate: found })),
    issuer: { conflicts: () => Promise.resolve([]) },
  } as unknown as HostPorts;
  return statusOf(TASK, ports);
}

const DOWN = new AppError('ssh/refused', '10.99.0.11:22 refuses connections', { exit: EXIT.unreachable });

describe('a host as it was installed', () => {
  test('is good until two thirds of its certificate have passed', async () => {
    expect(await status({ days: 1 })).toMatchObject({ verdict: 'good', findings: [] });
    expect(await status({ days: 19.99 })).toMatchObject({ verdict: 'good', findings: [] });
  });

  test('is due from two thirds on', async () => {
    expect(await status({ days: 20 })).toMatchObject({ verdict: 'due' });
    expect((await status({ days: 20 })).findings).toEqual(['ed25519', 'ecdsa', 'rsa'].map((type) => `/etc/ssh/ensign/ssh_host_${type}_key-cert.pub: two thirds of its life have passed; 10d are left`));
    expect(await status({ days: 29.9 })).toMatchObject({ verdict: 'due' });
  });

  test('is bad when its certificate has expired', async () => {
    expect(await status({ days: 30 })).toMatchObject({ verdict: 'bad' });
    expect((await status({ days: 31 })).findings[0]).toMatch(/^served certificate: the certificate expired at /);
  });

  test('is bad when it serves what others would refuse', async () => {
    const files = installed();
    const certificate = served(files);
    expect(await status({ files, scan: certificate === undefined ? undefined : certify(certificate.subject, ['other.example']) })).toMatchObject({ verdict: 'bad' });
  });

  test('has drifted although all is well outside, when another of its certificates is not what it was', async () => {
    const files = installed();
    files.set('/etc/ssh/ensign/ssh_host_rsa_key-cert.pub', 'garbage\n');
    expect((await status({ files })).verdict).toBe('drift');
  });
});

describe('a host that is not as it was installed', () => {
  test('has a finding for each file, and not two', async () => {
    const files = installed();
    files.set('/etc/ssh/ensign/principals/root', 'staging/intruder\n');
    expect(await status({ files })).toMatchObject({ verdict: 'drift', findings: ['/etc/ssh/ensign/principals/root was edited since ensign wrote it'] });
    files.delete('/etc/ssh/ensign/principals/root');
    expect(await status({ files })).toMatchObject({ verdict: 'drift', findings: ['/etc/ssh/ensign/principals/root was removed since ensign wrote it'] });
  });

  test('is plain and says one sentence when it never was', async () => {
    expect(await status({ files: new Map() })).toMatchObject({ verdict: 'plain', findings: ['not under the authority yet: `ensign apply` brings it there'] });
  });
});

describe('a host that cannot be looked at', () => {
  test('is unreachable, and says so once', async () => {
    expect(await status({ scan: DOWN, login: DOWN })).toMatchObject({ verdict: 'unreachable', findings: ['10.99.0.11:22 refuses connections'] });
  });

  test('is never good, whatever it serves', async () => {
    const refused = new AppError('ssh/auth-failed', 'it does not let ops log in', { exit: EXIT.hostsFailed });
    expect(await status({ login: refused })).toMatchObject({ verdict: 'bad', findings: ['login: it does not let ops log in'] });
    expect(await status({ login: DOWN })).toMatchObject({ verdict: 'unreachable' });
  });

  test('that breaks what it is asked with ends as a finding and not as an end of everything', async () => {
    expect(await status({ files: new Map([...installed(), ['/var/lib/ensign/state.json', 'nothing of ours']]) })).toMatchObject({ verdict: 'bad' });
  });
});
