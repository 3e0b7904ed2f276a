import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inventoryText, reported } from '../support/fleet.ts';
import type { LabHost } from '../support/host.ts';
import { useLab } from '../support/use-lab.ts';
import { fingerprintOf, makeWorkspace, type TestWorkspace } from '../support/workspace.ts';

/** What is known of each generation before anybody looks. Should Debian unstable move on, its row does. */
const EXPECTED: Readonly<Record<string, { readonly openssh: RegExp; readonly keepsCertificate: boolean; readonly penalties: boolean; readonly unknownKeys: readonly string[] }>> = {
  bullseye: { openssh: /^8\.4$/, keepsCertificate: false, penalties: false, unknownKeys: [] },
  bookworm: { openssh: /^9\.2$/, keepsCertificate: false, penalties: false, unknownKeys: [] },
  trixie: { openssh: /^10\.0$/, keepsCertificate: true, penalties: true, unknownKeys: [] },
  sid: { openssh: /^10\.(?:[6-9]|\d\d)$/, keepsCertificate: true, penalties: true, unknownKeys: ['ssh-mldsa44-ed25519'] },
};

const lab = useLab();
const STAGING = 'inventories/staging.yaml';
const CERTIFICATE = '/etc/ssh/ensign/ssh_host_ed25519_key-cert.pub';
let host: LabHost;
let workspace: TestWorkspace;

beforeAll(async () => {
  host = await lab.addHost({ name: 'age-01.stg.lab.test' });
  workspace = await makeWorkspace(lab);
  workspace.write(STAGING, inventoryText('staging', `user: ops, become: sudo, identityFile: ${lab.operatorKey}`, { [host.name]: `address: ${host.address}, hostKey: "${await fingerprintOf(lab, host)}"` }));
});

afterAll(async () => {
  await lab.removeHost(host);
  workspace.remove();
});

function expected(): (typeof EXPECTED)[string] {
  const row = EXPECTED[host.image];
  if (row === undefined) throw new Error(`nothing is written down about ${host.image}`);
  return row;
}

async function servedSerial(): Promise<string> {
  const { stdout } = await workspace.ensign('scan', host.name, '--json');
  const { hosts } = JSON.parse(stdout) as { hosts: { certificate: { serial: string } }[] };
  return hosts[0]?.certificate.serial ?? stdout;
}

describe('a generation of sshd', () => {
  test('is the one that this matrix says it tries', async () => {
    // 8.4 has no -V, and says its version while it complains
    expect((await host.must('/usr/sbin/sshd -V 2>&1 || true')).match(/OpenSSH_([0-9.]+)/)?.[1]).toMatch(expected().openssh);
    expect(/^persourcepenalties /im.test(await host.must('sshd -T'))).toBe(expected().penalties);
  });

  test('comes under the authority; host keys of types that we do not know are named, and do no harm', async () => {
    const plan = await reported(workspace, 'plan', '-i', STAGING);
    expect(plan.hosts).toMatchObject([{ refusals: [] }]);
    const unknown = plan.hosts[0]?.notices?.filter((notice) => notice.code === 'host/host-key-unknown-type').map((notice) => notice.message) ?? [];
    expect(unknown).toHaveLength(expected().unknownKeys.length);
    for (const type of expected().unknownKeys) expect(unknown.join()).toContain(type);
    expect(plan.hosts[0]?.notices?.map((notice) => notice.code)).not.toContain('host/host-key-unreadable');
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed', summary: '3 certificates, 4 files; logins proved: root, deploy' }] });
  });

  test('keeps the certificate in memory until it is reloaded, or reads it for each connection, as was written down', async () => {
    const before = await servedSerial();
    await host.must(`ssh-keygen -q -t ed25519 -N '' -f /root/other_ca; cp /etc/ssh/ssh_host_ed25519_key.pub /root/host.pub; ssh-keygen -q -s /root/other_ca -h -I other -z 4711 -n ${host.name} -V -1m:+1d /root/host.pub; cp ${CERTIFICATE} /root/kept; cp /root/host-cert.pub ${CERTIFICATE}`);
    expect(await servedSerial()).toBe(expected().keepsCertificate ? before : '4711');
    await host.must(`cp /root/kept ${CERTIFICATE}`);
    expect(await servedSerial()).toBe(before);
  });

  test('does not shut the operator out: status, scans and applies in a row fail nothing at the host', async () => {
    for (let round = 0; round < 6; round++) {
      expect(await reported(workspace, 'plan', '-i', STAGING, '--exit-code')).toMatchObject({ code: 0 });
      expect(await workspace.ensign('status', '-i', STAGING)).toMatchObject({ code: 0 });
    }
    // sshd says it in its log when it counts against somebody
    expect(await host.must(`journalctl -b --no-pager -o cat | grep -i -e 'penalt' || true`)).toBe('');
  });
});
