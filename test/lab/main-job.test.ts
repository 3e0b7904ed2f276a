import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LabHost } from './support/host.ts';
import { useLab } from './support/use-lab.ts';
import { inventoryOf, makeWorkspace, type TestWorkspace } from './support/workspace.ts';

const lab = useLab();
let host: LabHost;
let workspace: TestWorkspace;
let keys: string;

beforeAll(async () => {
  host = await lab.addHost({ name: 'web-01.stg.lab.test' });
  workspace = await makeWorkspace(lab);
  workspace.write('inventories/staging.yaml', await inventoryOf(lab, 'staging', [host]));
  keys = mkdtempSync(join(tmpdir(), 'ensign-keys-'));
});

afterAll(async () => {
  await lab.removeHost(host);
  workspace.remove();
  rmSync(keys, { recursive: true, force: true });
});

async function certificate(name: string, ...args: readonly string[]): Promise<string> {
  const path = join(keys, name);
  await lab.exec(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path]);
  const { code, stderr } = await workspace.ensign('ca', 'sign', '--profile', 'user', ...args, `${path}.pub`);
  expect(stderr).not.toContain('error');
  expect(code).toBe(0);
  return path;
}

describe('the main job on one host', () => {
  test('plan shows the exact change and changes nothing', async () => {
    const before = await host.must('find /etc/ssh /var/lib -newer /etc/machine-id | sort; find /etc/ssh -type f -exec sha256sum {} + | sort');
    const { code, stdout, stderr } = await workspace.ensign('plan', '-i', 'inventories/staging.yaml', '--exit-code');
    expect(stderr).not.toContain('error');
    expect(code).toBe(3);
    expect(stdout).toContain('+ HostCertificate /etc/ssh/ensign/ssh_host_ed25519_key-cert.pub');
    expect(stdout).toContain('+ staging/deployers');
    expect(await host.must('find /etc/ssh /var/lib -newer /etc/machine-id | sort; find /etc/ssh -type f -exec sha256sum {} + | sort')).toBe(before);
  });

  test('apply changes it with proof', async () => {
    const { code, stdout, stderr } = await workspace.ensign('apply', '-i', 'inventories/staging.yaml', '--yes', '--json');
    expect(stderr).toBe('');
    const { hosts } = JSON.parse(stdout) as { hosts: { outcome: string; summary: string }[] };
    expect(hosts).toMatchObject([{ outcome: 'changed', summary: '3 certificates, 4 files; logins proved: root, deploy' }]);
    expect(code).toBe(0);
  });

  test('nothing of the transaction is left on the host', async () => {
    expect(await host.must('ls -A /var/lib/ensign /var/lib/ensign/transactions; systemctl list-units --all --plain --no-legend "ensign*"; ls /etc/systemd/system | grep ensign || true')).toBe('/var/lib/ensign:\nmutex\nstate.json\ntransactions\n\n/var/lib/ensign/transactions:\n');
  });

  test('files on the host have the owners and modes they should have', async () => {
    expect(await host.must('stat -c "%a %U %n" /etc/ssh/ensign /etc/ssh/ensign/* /etc/ssh/ensign/principals/* /etc/ssh/sshd_config.d/00-ensign.conf /var/lib/ensign')).toBe(`755 root /etc/ssh/ensign
755 root /etc/ssh/ensign/principals
644 root /etc/ssh/ensign/ssh_host_ecdsa_key-cert.pub
644 root /etc/ssh/ensign/ssh_host_ed25519_key-cert.pub
644 root /etc/ssh/ensign/ssh_host_rsa_key-cert.pub
644 root /etc/ssh/ensign/user_ca.pub
644 root /etc/ssh/ensign/principals/deploy
644 root /etc/ssh/ensign/principals/root
644 root /etc/ssh/sshd_config.d/00-ensign.conf
700 root /var/lib/ensign
`);
  });

  test('the stock client logs in with a fresh certificate and no question', async () => {
    const { stdout: lines } = await workspace.ensign('known-hosts', '-i', 'inventories/staging.yaml');
    const knownHosts = workspace.write('laptop_known_hosts', lines);
    const key = await certificate('sre', '--environment', 'staging', '--principal', 'sre');
    for (const login of ['deploy', 'root']) {
      const { code, stdout, stderr } = await workspace.ssh(['-i', key, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${knownHosts}`], `${login}@${host.name}`, 'id', '-un');
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${login}\n`, stderr: '' });
    }
  });

  test('a login that is not mapped accepts no certificate, not even by its own name', async () => {
    const key = await certificate('ops', '--principal', 'ops', '--principal', 'staging/ops');
    const { code, stderr } = await workspace.ssh(['-i', key, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${workspace.root}/laptop_known_hosts`], `ops@${host.name}`, 'true');
    expect(code).toBe(255);
    expect(stderr).toContain('Permission denied (publickey');
  });

  test('row 27: a certificate of another environment opens nothing', async () => {
    const key = await certificate('production', '--environment', 'production', '--principal', 'sre');
    const { code, stderr } = await workspace.ssh(['-i', key, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${workspace.root}/laptop_known_hosts`], `root@${host.name}`, 'true');
    expect(code).toBe(255);
    expect(stderr).toContain('Permission denied (publickey');
  });

  test('authorized_keys works as before', async () => {
    const { code, stdout } = await workspace.ssh(['-i', lab.operatorKey, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${workspace.root}/laptop_known_hosts`], `ops@${host.name}`, 'id', '-un');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'ops\n' });
  });

  test('a second apply changes nothing and says so', async () => {
    const { code, stdout } = await workspace.ensign('apply', '-i', 'inventories/staging.yaml', '--yes');
    expect(stdout).toContain('1 unchanged: nothing to do, every host is as it should be');
    expect(code).toBe(0);
  });

  test('status tells the served truth', async () => {
    const { code, stdout } = await workspace.ensign('status', '-i', 'inventories/staging.yaml', '--json');
    const { hosts } = JSON.parse(stdout) as { hosts: unknown[] };
    expect(hosts).toMatchObject([{ verdict: 'good', findings: [], served: { principals: [host.name, host.address, 'web-01'] } }]);
    expect(code).toBe(0);
  });

  test('the ledger holds together', async () => {
    const { code } = await workspace.ensign('ca', 'verify-log');
    expect(code).toBe(0);
  });
});
