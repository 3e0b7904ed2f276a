import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { HostFacts } from '../../../src/host/facts.ts';
import { planDigest } from '../../../src/host/plan.ts';
import type { CertificateChange, HostPlan } from '../../../src/host/plan-types.ts';
import { sha256 } from '../../../src/host/probe-output.ts';
import { parseEffectiveConfig } from '../../../src/sshd/effective.ts';
import { encodeCertificate, encodeToBeSigned, decodeCertificate, formatCertificateLine } from '../../../src/wire/certificate.ts';
import type { TrustSpec } from '../../../src/host/spec.ts';
import type { PublicKey } from '../../../src/wire/public-key.ts';
import { signData } from '../../../src/wire/signature.ts';
import type { HostState } from '../../../src/host/state.ts';
import { fingerprint } from '../../../src/wire/public-key.ts';
import { bookwormFacts, factsAfter, plan, RECORDED_AT, SPEC, USER_CA } from './fixture.ts';

const ca = generateKeyPairSync('ed25519');
const HOST_CA: PublicKey = { kind: 'ed25519', type: 'ssh-ed25519', point: Buffer.from(ca.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url') };
const spec: TrustSpec = { ...SPEC, hostAuthority: HOST_CA };
const DAY = 86_400;

function certify(change: CertificateChange, from = RECORDED_AT, days = 30): string {
  const fields = { type: 'host' as const, nonce: Buffer.alloc(32, 1), subject: change.key, serial: 7n, keyId: 'test', principals: [...change.names], validAfter: BigInt(from), validBefore: BigInt(from + days * DAY), criticalOptions: [], extensions: [], signatureKey: HOST_CA };
  return formatCertificateLine(decodeCertificate(encodeCertificate(fields, signData(HOST_CA, ca.privateKey, encodeToBeSigned(fields)))));
}

function carriedOut(done: HostPlan, facts: HostFacts, from?: number): HostFacts {
  const lines = new Map(done.changes.flatMap((c) => (c.kind === 'certificate' ? [[c.path, certify(c, from)]] : [])));
  return factsAfter(facts, done, lines, sha256);
}

describe('the plan of a fresh Debian host', () => {
  const facts = bookwormFacts();
  const first = plan(facts, { spec });

  test('the recorded probe is whole', () => {
    expect(facts.hostKeys.map((k) => k.key?.type)).toEqual(['ssh-rsa', 'ecdsa-sha2-nistp256', 'ssh-ed25519']);
    expect(facts.version).toEqual({ major: 9, minor: 2, text: '9.2' });
    expect(facts.reload).toEqual({ kind: 'systemd', unit: 'ssh.service' });
    expect(facts.accounts.get('ops')).toBe('/bin/bash');
    expect(facts.files.get('/etc/ssh/sshd_config')?.text?.split('\n').length).toBeGreaterThan(100);
  });

  test('installs keys, principals and certificates before the drop-in that names them', () => {
    expect(first.refusals).toEqual([]);
    expect(first.changes.map((c) => c.path)).toEqual([
      '/etc/ssh/ensign/user_ca.pub',
      '/etc/ssh/ensign/principals/root',
      '/etc/ssh/ensign/principals/deploy',
      '/etc/ssh/ensign/ssh_host_ed25519_key-cert.pub',
      '/etc/ssh/ensign/ssh_host_ecdsa_key-cert.pub',
      '/etc/ssh/ensign/ssh_host_rsa_key-cert.pub',
      '/etc/ssh/sshd_config.d/00-ensign.conf',
    ]);
    expect(first.directories.map((d) => d.path)).toEqual(['/etc/ssh/ensign', '/etc/ssh/ensign/principals']);
  });

  test('the drop-in, byte for byte', () => {
    const dropIn = first.changes.at(-1);
    expect(dropIn?.kind === 'file' ? dropIn.after : '').toBe(
      `# Managed by ensign. Changes made here by hand are noticed and reported.
# Logins by certificate: signed by a key in TrustedUserCAKeys, for a login that has a principals file.
TrustedUserCAKeys /etc/ssh/ensign/user_ca.pub
AuthorizedPrincipalsFile /etc/ssh/ensign/principals/%u
HostCertificate /etc/ssh/ensign/ssh_host_ed25519_key-cert.pub
HostCertificate /etc/ssh/ensign/ssh_host_ecdsa_key-cert.pub
HostCertificate /etc/ssh/ensign/ssh_host_rsa_key-cert.pub
`,
    );
  });

  test('principals files hold the scoped principals of their login', () => {
    const deploy = first.changes.find((c) => c.path.endsWith('/deploy'));
    expect(deploy?.kind === 'file' ? deploy.after : '').toBe('staging/sre\nstaging/web-deployers\n');
  });

  test('a second plan changes nothing', () => {
    expect(plan(carriedOut(first, facts), { spec }).changes).toEqual([]);
  });

  test('the same input gives the same digest, another name another one', () => {
    expect(planDigest(plan(bookwormFacts(), { spec }))).toBe(planDigest(first));
    expect(planDigest(plan(facts, { spec: { ...spec, names: ['other.lab.test'] } }))).not.toBe(planDigest(first));
  });
});

describe('certificates are issued anew', () => {
  const facts = bookwormFacts();
  const done = plan(facts, { spec });
  const reasons = (after: HostFacts, change = spec): string[] => plan(after, { spec: change }).changes.map((c) => c.why);

  test('not before two thirds of their life', () => {
    expect(reasons({ ...carriedOut(done, facts), observedAt: RECORDED_AT + 20 * DAY - 1, clock: RECORDED_AT + 20 * DAY - 1 })).toEqual([]);
  });

  test('from two thirds on', () => {
    expect(reasons({ ...carriedOut(done, facts), observedAt: RECORDED_AT + 20 * DAY, clock: RECORDED_AT + 20 * DAY })).toEqual(Array(3).fill('two thirds of its life have passed; 10d are left'));
  });

  test('when they have expired', () => {
    expect(reasons({ ...carriedOut(done, facts), observedAt: RECORDED_AT + 31 * DAY, clock: RECORDED_AT + 31 * DAY })[0]).toBe('it expired 1d ago');
  });

  test('when a name was added', () => {
    expect(reasons(carriedOut(done, facts), { ...spec, names: [...spec.names, 'www.lab.test'] })).toEqual(Array(3).fill('its names were web-01.stg.lab.test, 10.99.0.11, web-01'));
  });

  test('when the authority is another one', () => {
    expect(reasons(carriedOut(done, facts), SPEC)).toEqual(Array(3).fill('it was signed by another authority'));
  });

  test('when the file holds something else', () => {
    const after = carriedOut(done, facts);
    const path = '/etc/ssh/ensign/ssh_host_rsa_key-cert.pub';
    const files = new Map(after.files).set(path, { path, mode: '644', owner: '0:0', sha256: sha256('x\n'), text: 'x\n' });
    expect(plan({ ...after, files }, { spec }).changes.map((c) => [c.path, c.why])).toEqual([[path, 'the host has no certificate for this key']]);
  });
});

describe('logins', () => {
  test('one that is not mapped any more loses its file', () => {
    const facts = bookwormFacts();
    const after = carriedOut(plan(facts, { spec }), facts);
    const fewer = plan(after, { spec: { ...spec, principals: new Map([['root', ['staging/sre']]]) } });
    expect(fewer.changes.map((c) => [c.path, c.kind === 'file' ? c.after : ''])).toEqual([['/etc/ssh/ensign/principals/deploy', undefined]]);
  });

  test('only those that exist and have a shell are proved', () => {
    const facts = bookwormFacts({ accounts: new Map([['root', '/usr/sbin/nologin']]) });
    const planned = plan(facts, { spec });
    expect(planned.provable).toEqual([]);
    expect(planned.notices.map((n) => n.message)).toEqual([
      'login root is mapped, but its shell is /usr/sbin/nologin: it is set up and not tried',
      'login deploy is mapped, but the host has no such account: it is set up and not tried',
    ]);
  });

  test('root is not proved where sshd lets no root in', () => {
    const facts = bookwormFacts();
    const effectiveFor = new Map(facts.effectiveFor).set('root', parseEffectiveConfig('permitrootlogin no\n'));
    expect(plan({ ...facts, effectiveFor }, { spec }).provable.map((p) => p.login)).toEqual(['deploy']);
  });
});

describe('a host that is managed already', () => {
  const facts = bookwormFacts();
  const after = carriedOut(plan(facts, { spec }), facts);
  const state: HostState = { version: 1, transaction: 'a', host: 'staging/x', release: 'r', confirmedAt: RECORDED_AT, operator: 'eve@ops1', userAuthorities: [fingerprint(USER_CA)], hostAuthority: fingerprint(HOST_CA), serials: {}, files: {} };

  test('by another authority is refused, unless it is taken over on purpose', () => {
    const other = { ...state, userAuthorities: ['SHA256:other'] };
    expect(plan(after, { spec, state: other }).refusals.map((r) => [r.code, r.message])).toEqual([['host/other-authority', 'web-01.stg.lab.test is under another authority, SHA256:other, put there as staging/x by eve@ops1 on 2026-11-22']]);
    expect(plan(after, { spec, state: other, adopt: true }).refusals).toEqual([]);
    expect(plan(after, { spec, state }).refusals).toEqual([]);
  });

  test('loses the certificate of a host key that sshd uses no more, after the drop-in has let go of it', () => {
    const fewer = plan({ ...after, hostKeys: after.hostKeys.filter((k) => k.key?.kind !== 'rsa') }, { spec, state });
    expect(fewer.changes.map((c) => [c.path, c.kind === 'file' && c.after === undefined])).toEqual([
      ['/etc/ssh/sshd_config.d/00-ensign.conf', false],
      ['/etc/ssh/ensign/ssh_host_rsa_key-cert.pub', true],
    ]);
  });
});

describe('where drop-ins are not read', () => {
  const facts = bookwormFacts();
  const text = 'PermitRootLogin no\nMatch User x\n  X11Forwarding no\n';
  const main = { path: '/etc/ssh/sshd_config', mode: '600', owner: '0:0', sha256: sha256(text), text };
  const noInclude = { ...facts, files: new Map([['/etc/ssh/sshd_config', main]]) };

  test('one marked Include goes to the top, and the mode stays', () => {
    const change = plan(noInclude, { spec }).changes.at(-1);
    expect(change?.path).toBe('/etc/ssh/sshd_config');
    expect(change?.kind === 'file' ? [change.mode, change.after] : []).toEqual(['600', `# BEGIN ensign (managed; keep this first)\nInclude /etc/ssh/sshd_config.d/00-ensign.conf\n# END ensign\n${text}`]);
  });

  test('sshd before 8.2 gets the directives themselves', () => {
    const change = plan({ ...noInclude, version: { major: 8, minor: 0, text: '8.0' } }, { spec }).changes.at(-1);
    expect(change?.kind === 'file' ? change.after : '').toMatch(/^# BEGIN ensign.*\n(#.*\n)*TrustedUserCAKeys [^]*# END ensign\nPermitRootLogin no/);
    expect(plan({ ...noInclude, version: { major: 8, minor: 0, text: '8.0' } }, { spec }).changes.map((c) => c.path)).not.toContain('/etc/ssh/sshd_config.d/00-ensign.conf');
  });
});
