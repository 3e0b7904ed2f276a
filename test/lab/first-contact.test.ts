import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inventoryText, issuedCount, reported, snapshot } from './support/fleet.ts';
import type { LabHost } from './support/host.ts';
import { useLab } from './support/use-lab.ts';
import { fingerprintOf, makeWorkspace, type TestWorkspace } from './support/workspace.ts';

const lab = useLab();
let host: LabHost;
let other: LabHost;
let workspace: TestWorkspace;
const STAGING = 'inventories/staging.yaml';

beforeAll(async () => {
  [host, other] = await Promise.all([lab.addHost({ name: 'contact-01.stg.lab.test' }), lab.addHost({ name: 'contact-02.stg.lab.test' })]);
  workspace = await makeWorkspace(lab);
});

afterAll(async () => {
  await Promise.all([lab.removeHost(host), lab.removeHost(other)]);
  workspace.remove();
});

function inventory(settings: string): string {
  workspace.write(STAGING, inventoryText('staging', `user: ops, become: sudo, identityFile: ${lab.operatorKey}`, { [host.name]: `address: ${host.address}${settings === '' ? '' : `, ${settings}`}` }));
  return STAGING;
}

const ownKnownHosts = (): string => join(workspace.root, 'known_hosts');
const knownHosts = (): string => join(workspace.home, '.ssh', 'known_hosts');

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Runs apply: it must refuse the host by this code, say what to do next, exit with 4, and write nothing anywhere. Returns all its words. */
async function refused(settings: string, code: string): Promise<string> {
  inventory(settings);
  const before = { host: await snapshot(host), issued: issuedCount(workspace), own: read(ownKnownHosts()), user: read(knownHosts()) };
  const apply = await reported(workspace, 'apply', '-i', STAGING, '--yes');
  expect(apply).toMatchObject({ code: 4, hosts: [{ outcome: 'failed', code, hint: expect.stringMatching(/./) as string }] });
  expect({ host: await snapshot(host), issued: issuedCount(workspace), own: read(ownKnownHosts()), user: read(knownHosts()) }).toEqual(before);
  return `${apply.hosts[0]?.summary ?? ''}\n${apply.hosts[0]?.hint ?? ''}`;
}

describe('row 20: a host that nobody knows', () => {
  test('is refused, with the fingerprint to compare and the line to write', async () => {
    const hint = await refused('', 'ssh/host-key-unknown');
    expect(hint).toContain(`hostKey: "${await fingerprintOf(lab, host)}"`);
    const plan = await reported(workspace, 'plan', '-i', STAGING);
    expect(plan).toMatchObject({ code: 4, hosts: [{ status: 'failed', error: { code: 'ssh/host-key-unknown', hint: expect.stringMatching(/./) as string } }] });
  });

  test('is refused when it shows another key than the pinned one', async () => {
    expect(await refused(`hostKey: "${await fingerprintOf(lab, other)}"`, 'ssh/host-key-changed')).toContain('console');
  });

  test('is refused when its certificate is for another name', async () => {
    await certifyAs('staging/elsewhere.stg.lab.test', 'elsewhere.stg.lab.test');
    expect(await refused('', 'ssh/host-key-unknown')).toContain('its certificate does not vouch for it: the certificate is for "elsewhere.stg.lab.test", not for');
    await uncertify();
  });

  test('is refused when its certificate is from another authority', async () => {
    const stranger = await makeWorkspace(lab);
    await certifyAs(`staging/${host.name}`, host.name, stranger);
    expect(await refused('', 'ssh/host-key-unknown')).toContain('does not vouch for it');
    await uncertify();
    stranger.remove();
  });
});

describe('accept-new', () => {
  test('takes the first key, says so, and keeps it in the known_hosts of the workspace alone', async () => {
    const { code, stdout, stderr } = await workspace.ensign('plan', '-i', inventory('firstContact: accept-new'));
    expect(stdout).toContain('1 host: 1 change');
    expect(code).toBe(0);
    expect(stderr).toContain(`${host.name}: first contact, accepted ssh-ed25519 ${await fingerprintOf(lab, host)}`);
    const [type, key] = (await host.hostKeys()).ed25519.split(' ');
    expect(read(ownKnownHosts())).toContain(`${type ?? ''} ${key ?? ''}`);
    expect(read(knownHosts())).toBe('');
  });

  test('says nothing the second time', async () => {
    const before = read(ownKnownHosts());
    const { stdout, stderr } = await workspace.ensign('plan', '-i', inventory('firstContact: accept-new'));
    expect(stdout).toContain('1 host: 1 change');
    expect(stderr).not.toContain('first contact');
    expect(read(ownKnownHosts())).toBe(before);
  });

  test('row 20: a key that changed is refused, and the hint names the line', async () => {
    const keys = await host.must('cp -a /etc/ssh /root/ssh.before; rm /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh; ls /etc/ssh');
    expect(keys).toContain('ssh_host_ed25519_key');
    expect(await refused('firstContact: accept-new', 'ssh/host-key-changed')).toContain(`line 1 of ${ownKnownHosts()}`);
    await host.must('rm /etc/ssh/ssh_host_*; cp -a /root/ssh.before/ssh_host_* /etc/ssh; rm -r /root/ssh.before; systemctl restart ssh');
    expect(await reported(workspace, 'plan', '-i', inventory('firstContact: accept-new'))).toMatchObject({ hosts: [{ status: 'change' }] });
  });

  test('reports it with --json too', async () => {
    rmSync(ownKnownHosts());
    const { stderr } = await reported(workspace, 'apply', '-i', inventory('firstContact: accept-new'), '--yes');
    expect(stderr).toContain('first contact, accepted');
  });
});

describe('a host under the authority', () => {
  test('needs no line anywhere: its certificate convinces', async () => {
    rmSync(ownKnownHosts());
    expect(read(knownHosts())).toBe('');
    expect(await reported(workspace, 'apply', '-i', inventory(''), '--yes')).toMatchObject({ code: 0, stderr: '', hosts: [{ outcome: 'unchanged' }] });
    expect(read(ownKnownHosts())).toBe('');
  });

  test('is known where known_hosts holds the authority only', async () => {
    expect(await workspace.ensign('known-hosts', '-i', STAGING, '--install')).toMatchObject({ code: 0 });
    expect(read(knownHosts())).toMatch(/^@cert-authority /m);
    expect(await reported(workspace, 'apply', '-i', inventory(''), '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'unchanged' }] });
    expect(await workspace.ensign('status', '-i', STAGING)).toMatchObject({ code: 0 });
  });

  test('row 12: is refused when known_hosts takes the authority back', async () => {
    const line = read(knownHosts());
    const key = readFileSync(join(workspace.root, 'ca/host_ca.pub'), 'utf8').trim();
    writeFileSync(knownHosts(), `@revoked * ${key}\n`);
    expect(await refused('', 'ssh/host-key-unknown')).toContain(`is revoked by ${knownHosts()}:1`);
    writeFileSync(knownHosts(), line);
  });

  test('row 20: is refused when its plain key is known and changes, whatever its certificate says', async () => {
    const stranger = (await other.hostKeys()).ed25519.split(' ').slice(0, 2).join(' ');
    writeFileSync(knownHosts(), `${host.name} ${stranger}\n`);
    expect(await refused('', 'ssh/host-key-changed')).toContain(`line 1 of ${knownHosts()}`);
    rmSync(knownHosts());
  });

  test('row 20: another machine at its address is refused, although it is under the authority too', async () => {
    workspace.write('inventories/other.yaml', inventoryText('staging', `user: ops, become: sudo, identityFile: ${lab.operatorKey}`, { [other.name]: `address: ${other.address}, hostKey: "${await fingerprintOf(lab, other)}"` }));
    expect(await reported(workspace, 'apply', '-i', 'inventories/other.yaml', '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed' }] });
    workspace.write(STAGING, inventoryText('staging', `user: ops, become: sudo, identityFile: ${lab.operatorKey}`, { [host.name]: `address: ${other.address}` }));
    const before = await snapshot(other);
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 4, hosts: [{ outcome: 'failed', code: 'ssh/host-key-unknown' }] });
    expect(await snapshot(other)).toBe(before);
  });
});

/** Has the host serve a certificate that ensign's apply never made. */
async function certifyAs(hostId: string, name: string, by = workspace): Promise<void> {
  const file = by.write('forged.pub', `${(await host.hostKeys()).ed25519}\n`);
  const signed = await by.ensign('ca', 'sign', '--profile', 'host', '--host-id', hostId, '--principal', name, file);
  expect(signed.stderr).toBe('');
  expect(signed.code).toBe(0);
  await host.writeFile('/etc/ssh/forged-cert.pub', by.read('forged-cert.pub'));
  await host.must('echo "HostCertificate /etc/ssh/forged-cert.pub" >/etc/ssh/sshd_config.d/90-forged.conf; systemctl reload ssh');
  // the key is this host's, so that nothing of it may stay claimed for the rest
  expect(await by.ensign('ca', 'forget', hostId, '--yes')).toMatchObject({ code: 0 });
}

async function uncertify(): Promise<void> {
  await host.must('rm /etc/ssh/sshd_config.d/90-forged.conf /etc/ssh/forged-cert.pub; systemctl reload ssh');
}
