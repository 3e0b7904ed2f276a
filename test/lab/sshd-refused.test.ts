import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectRefused, inventoryText, reported } from './support/fleet.ts';
import type { LabHost } from './support/host.ts';
import { useLab } from './support/use-lab.ts';
import { fingerprintOf, makeWorkspace, type TestWorkspace } from './support/workspace.ts';

const lab = useLab();
let workspace: TestWorkspace;
let host: LabHost;
const STAGING = 'inventories/staging.yaml';
const FOREIGN = '/etc/ssh/sshd_config.d/10-foreign.conf';

beforeAll(async () => {
  host = await lab.addHost({ name: 'refused-01.stg.lab.test' });
  workspace = await makeWorkspace(lab);
  workspace.write(STAGING, inventoryText('staging', `user: ops, become: sudo, identityFile: ${lab.operatorKey}`, { [host.name]: `address: ${host.address}, hostKey: "${await fingerprintOf(lab, host)}"` }));
  await host.must(`ssh-keygen -q -t ed25519 -N '' -f /root/other_ca; cp /root/other_ca.pub /etc/ssh/other_ca.pub
    cp /etc/ssh/ssh_host_ed25519_key.pub /root/host.pub; ssh-keygen -q -s /root/other_ca -h -I other -n ${host.name} /root/host.pub; cp /root/host-cert.pub /etc/ssh/other-cert.pub
    printf '#!/bin/sh\\n' >/usr/local/bin/principals; chmod 755 /usr/local/bin/principals`);
});

afterAll(async () => {
  await lab.removeHost(host);
  workspace.remove();
});

async function withForeign(lines: string, code: string): Promise<string> {
  await host.writeFile(FOREIGN, lines);
  await host.must('systemctl reload ssh');
  const { summary = '' } = await expectRefused(workspace, host, STAGING, code);
  await host.must(`rm ${FOREIGN}; systemctl reload ssh`);
  return summary;
}

describe('what somebody else has set up is refused, at plan and at apply, and nothing changes', () => {
  test.each([
    ['another user authority', 'TrustedUserCAKeys /etc/ssh/other_ca.pub\n', 'host/foreign-user-ca', '/etc/ssh/other_ca.pub'],
    ['principals of its own', 'AuthorizedPrincipalsFile .ssh/principals\n', 'host/foreign-principals', '.ssh/principals'],
    ['principals of its own for one mapped login', 'Match User deploy\n  AuthorizedPrincipalsFile /etc/ssh/deploy_principals\n', 'host/foreign-principals', '/etc/ssh/deploy_principals'],
    ['a command for principals', 'AuthorizedPrincipalsCommand /usr/local/bin/principals %u\nAuthorizedPrincipalsCommandUser nobody\n', 'host/foreign-principals-command', '/usr/local/bin/principals'],
    ['another host certificate', 'HostCertificate /etc/ssh/other-cert.pub\n', 'host/foreign-certificate', '/etc/ssh/other-cert.pub'],
    // the name that every generation knows; 8.5 and newer call it PubkeyAcceptedAlgorithms
    ['no certificates for logins', 'PubkeyAcceptedKeyTypes ssh-ed25519\n', 'host/certificate-logins-excluded', 'PubkeyAcceptedAlgorithms'],
    ['no Ed25519 authority', 'CASignatureAlgorithms rsa-sha2-512\n', 'host/ca-algorithm-excluded', 'ssh-ed25519'],
    ['no certificates for hosts', 'HostKeyAlgorithms ssh-ed25519\n', 'host/no-host-key', 'host key'],
  ])('%s', async (_what, lines, code, named) => {
    expect(await withForeign(lines, code)).toContain(named);
  });
});

describe('a host that is broken already is left alone', () => {
  test('sshd_config with a mistake in it, while the running sshd still has the old one', async () => {
    await host.writeFile(FOREIGN, 'Garbage yes\n');
    expect((await expectRefused(workspace, host, STAGING, 'host/sshd-broken')).summary).toContain('Garbage');
    await host.must(`rm ${FOREIGN}`);
  });

  test('sshd with options of its own on its command line', async () => {
    await host.must('echo "SSHD_OPTS=-o MaxAuthTries=3" >/etc/default/ssh; systemctl restart ssh');
    expect((await expectRefused(workspace, host, STAGING, 'host/sshd-arguments')).summary).toContain('MaxAuthTries');
    await host.must('echo "SSHD_OPTS=-4" >/etc/default/ssh; systemctl restart ssh');
  });

  test('a file system that is full', async () => {
    await host.must('mkdir -p /var/lib/ensign; mount -t tmpfs -o size=64k tmpfs /var/lib/ensign');
    await expectRefused(workspace, host, STAGING, 'host/no-space');
    await host.must('umount /var/lib/ensign; rmdir /var/lib/ensign');
  });

  test('a file system that is read-only', async () => {
    await host.must('mount --bind /etc/ssh /etc/ssh; mount -o remount,ro,bind /etc/ssh');
    await expectRefused(workspace, host, STAGING, 'host/read-only');
    await host.must('umount /etc/ssh');
  });

  test('a login that may only run one command', async () => {
    await host.writeFile(FOREIGN, 'Match User ops\n  ForceCommand /bin/echo no shell here\n');
    await host.must('systemctl reload ssh');
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 4, hosts: [{ outcome: 'failed', code: 'ssh/no-commands', summary: expect.stringContaining('no shell here') as string }] });
    await host.must(`rm ${FOREIGN}; systemctl reload ssh`);
  });

  test('a login without a shell', async () => {
    await host.must('usermod -s /usr/sbin/nologin ops');
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 4, hosts: [{ outcome: 'failed', code: 'ssh/no-commands', summary: expect.stringContaining('not available') as string }] });
    await host.must('usermod -s /bin/bash ops');
  });

  test('a state file that ensign did not write', async () => {
    await host.writeFile('/var/lib/ensign/state.json', '{"version": 7}\n');
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 4, hosts: [{ outcome: 'failed', code: 'host/state-unreadable' }] });
    await host.must('rm -r /var/lib/ensign');
  });

  test('none of it keeps a good host from coming under the authority', async () => {
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed' }] });
  });
});
