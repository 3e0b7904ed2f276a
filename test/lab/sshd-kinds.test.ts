import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectRefused, inventoryText, reported, snapshot } from './support/fleet.ts';
import type { LabHost } from './support/host.ts';
import { useLab } from './support/use-lab.ts';
import { makeWorkspace, type TestWorkspace } from './support/workspace.ts';

const lab = useLab();
let workspace: TestWorkspace;
let host: LabHost;
let count = 0;
const STAGING = 'inventories/staging.yaml';
const CONFIG = '/etc/ssh/sshd_config';

beforeAll(async () => {
  workspace = await makeWorkspace(lab);
});
afterAll(() => workspace.remove());
afterEach(() => lab.removeHost(host));

/** A fresh host made into the kind that a test is about, and an inventory of it. */
async function kind(prepare: string, settings = '', logins?: string): Promise<void> {
  count += 1;
  host = await lab.addHost({ name: `kind-${String(count).padStart(2, '0')}.stg.lab.test` });
  await host.must(prepare);
  workspace.write(STAGING, inventoryText('staging', `user: ops, become: sudo, identityFile: ${lab.operatorKey}, firstContact: accept-new`, { [host.name]: `address: ${host.address}${settings}` }, logins));
}

/** The whole job on this kind of host: changed with proof, nothing left to do, and the stock client agrees. */
async function comesUnderTheAuthority(options: { readonly port?: number; readonly summary?: string } = {}): Promise<void> {
  const applied = await reported(workspace, 'apply', '-i', STAGING, '--yes');
  expect(applied.hosts).toMatchObject([{ outcome: 'changed', summary: options.summary ?? (expect.stringContaining('logins proved: root, deploy') as string) }]);
  expect(applied.code).toBe(0);
  expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'unchanged' }] });
  expect(await host.must('mkdir -p /run/sshd; sshd -t 2>/dev/null; ls -A /var/lib/ensign /var/lib/ensign/transactions')).toBe('/var/lib/ensign:\nstate.json\ntransactions\n\n/var/lib/ensign/transactions:\n');
  await stockClientLogsIn(options.port ?? 22);
}

async function stockClientLogsIn(port: number): Promise<void> {
  const { stdout: lines } = await workspace.ensign('known-hosts', '-i', STAGING);
  const knownHosts = workspace.write('laptop_known_hosts', lines);
  const { code, stdout, stderr } = await workspace.ssh(['-p', String(port), '-i', lab.operatorKey, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${knownHosts}`], `ops@${host.name}`, 'id', '-un');
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'ops\n', stderr: '' });
}

describe('ports', () => {
  test('another port than 22', async () => {
    await kind('echo "Port 2222" >/etc/ssh/sshd_config.d/10-port.conf; systemctl restart ssh', ', port: 2222');
    await comesUnderTheAuthority({ port: 2222 });
    expect(workspace.read('laptop_known_hosts')).toContain(`[${host.name}]:2222`);
  });

  test('two ports: reached by one, proved there, served at both', async () => {
    await kind('printf "Port 22\\nPort 2222\\n" >/etc/ssh/sshd_config.d/10-port.conf; systemctl restart ssh', ', port: 2222');
    await comesUnderTheAuthority({ port: 2222 });
    const scan = await workspace.ensign('scan', host.name, `${host.name}:2222`, '--json');
    const { hosts } = JSON.parse(scan.stdout) as { hosts: unknown[] };
    expect(hosts).toMatchObject([{ verdict: 'good' }, { verdict: 'good' }]);
  });
});

describe('configurations', () => {
  test('without an Include: one marked block at the top, the rest byte for byte', async () => {
    await kind(`sed -i '/^Include/d' ${CONFIG}; cp ${CONFIG} /root/before; systemctl restart ssh`);
    await comesUnderTheAuthority();
    expect(await host.readFile(CONFIG)).toBe(`# BEGIN ensign (managed; keep this first)\nInclude /etc/ssh/sshd_config.d/00-ensign.conf\n# END ensign\n${await host.readFile('/root/before')}`);
  });

  test('without a newline at the end, behind a symbolic link, and with a complaint whose line number moves', async () => {
    await kind(`sed -i '/^Include/d' ${CONFIG}; printf 'UsePrivilegeSeparation yes\\nMatch User nobody\\n  X11Forwarding no' >>${CONFIG}; mv ${CONFIG} /etc/ssh/real; ln -s real ${CONFIG}; systemctl restart ssh`);
    expect(await host.must('sshd -t 2>&1')).toContain('Deprecated option');
    await comesUnderTheAuthority();
    expect(await host.must(`readlink ${CONFIG}; head -n 1 /etc/ssh/real; tail -n 1 /etc/ssh/real`)).toBe('real\n# BEGIN ensign (managed; keep this first)\n  X11Forwarding no\n');
  });

  test('without the folder of drop-ins', async () => {
    await kind('rm -r /etc/ssh/sshd_config.d; systemctl restart ssh');
    await comesUnderTheAuthority();
  });

  test('with the Include inside a Match block only', async () => {
    await kind(`sed -i '/^Include/d' ${CONFIG}; printf 'Match User nobody\\n  Include /etc/ssh/sshd_config.d/*.conf\\n' >>${CONFIG}; systemctl restart ssh`);
    await comesUnderTheAuthority();
    expect(await host.must('ls /etc/ssh/sshd_config.d')).toBe('');
  });

  test('with the Include at the top and again inside a Match block', async () => {
    await kind(`printf 'Match User nobody\\n  Include /etc/ssh/sshd_config.d/*.conf\\n' >>${CONFIG}; systemctl restart ssh`);
    await comesUnderTheAuthority();
  });

  test('that gains an Include of its own later: the block goes, and nothing is said twice', async () => {
    await kind(`sed -i '/^Include/d' ${CONFIG}; cp ${CONFIG} /root/before; systemctl restart ssh`);
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ hosts: [{ outcome: 'changed' }] });
    await host.must(`sed -i '/^# END ensign/a Include /etc/ssh/sshd_config.d/*.conf' ${CONFIG}; systemctl restart ssh`);
    await comesUnderTheAuthority();
    expect(await host.readFile(CONFIG)).toBe(`Include /etc/ssh/sshd_config.d/*.conf\n${await host.readFile('/root/before')}`);
    expect(await host.must('sshd -T | grep -c -i hostcertificate')).toBe('3\n');
  });

  test('that ensign cannot read whole: refused, not overwritten', async () => {
    await kind(`printf '# gr\\374\\337e\\n' >>${CONFIG}; systemctl restart ssh`);
    await expectRefused(workspace, host, STAGING, 'host/config-unreadable');
  });

  test('with an open Match block at the end', async () => {
    await kind(`printf 'Match User nobody\\n  X11Forwarding no\\n' >>${CONFIG}; systemctl restart ssh`);
    await comesUnderTheAuthority();
  });

  test('with a deprecated option, which sshd complains about every time', async () => {
    await kind('echo "UsePrivilegeSeparation yes" >/etc/ssh/sshd_config.d/10-old.conf; systemctl restart ssh');
    expect(await host.must('sshd -t 2>&1')).toContain('Deprecated option');
    await comesUnderTheAuthority();
  });

  test('where root may not log in, and another login has no shell: set up, said, not tried', async () => {
    await kind('echo "PermitRootLogin no" >/etc/ssh/sshd_config.d/10-root.conf; usermod -s /usr/sbin/nologin deploy; systemctl restart ssh');
    const plan = await reported(workspace, 'plan', '-i', STAGING);
    expect(plan.hosts[0]?.notices?.map((n) => n.code)).toEqual(['host/login-not-provable', 'host/login-not-provable']);
    await comesUnderTheAuthority({ summary: '3 certificates, 4 files; no login by certificate was tried' });
  });
});

describe('host keys', () => {
  test('RSA only', async () => {
    await kind(`rm /etc/ssh/ssh_host_ed25519_key* /etc/ssh/ssh_host_ecdsa_key*; sed -i 's|^#HostKey /etc/ssh/ssh_host_rsa_key|HostKey /etc/ssh/ssh_host_rsa_key|' ${CONFIG}; systemctl restart ssh`);
    await comesUnderTheAuthority({ summary: '1 certificate, 4 files; logins proved: root, deploy' });
  });

  test('one more that cannot be read, and one that is not there: named, and left out', async () => {
    await kind(`echo garbage >/etc/ssh/extra; chmod 600 /etc/ssh/extra; printf 'HostKey /etc/ssh/ssh_host_ed25519_key\\nHostKey /etc/ssh/extra\\nHostKey /etc/ssh/gone\\n' >/etc/ssh/sshd_config.d/10-keys.conf; systemctl restart ssh`);
    const plan = await reported(workspace, 'plan', '-i', STAGING);
    expect(plan.hosts[0]?.notices?.map((n) => [n.code, n.message.split(':')[0]])).toEqual([['host/host-key-unreadable', '/etc/ssh/extra'], ['host/host-key-unreadable', '/etc/ssh/gone']]);
    await comesUnderTheAuthority({ summary: '1 certificate, 4 files; logins proved: root, deploy' });
  });
});

describe('logins', () => {
  test('whose shell prints on stdout and stderr before every command', async () => {
    await kind(`for home in /home/ops /home/deploy /root; do printf 'echo "welcome to $(hostname)"; echo "mind the gap" >&2; printf "no newline"\\n' >"$home/.bashrc"; done; chown ops: /home/ops/.bashrc; chown deploy: /home/deploy/.bashrc`);
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed', summary: expect.stringContaining('logins proved: root, deploy') as string }] });
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'unchanged' }] });
  });
});

const SOCKET = `rm -f /etc/systemd/system/ssh.socket /etc/systemd/system/ssh@.service`;

describe('socket activation', () => {
  test("one sshd for all, as Debian's ssh.socket starts it", async () => {
    await kind(`${SOCKET}; systemctl daemon-reload; systemctl disable --now ssh.service; systemctl enable --now ssh.socket`);
    await comesUnderTheAuthority();
    await host.reboot();
    await stockClientLogsIn(22);
    await comesBackAfterAKill();
  });

  test('one sshd for each connection', async () => {
    await kind(`${SOCKET}
      printf '[Socket]\\nListenStream=22\\nAccept=yes\\n[Install]\\nWantedBy=sockets.target\\n' >/etc/systemd/system/ssh.socket
      printf '[Service]\\nExecStart=-/usr/sbin/sshd -i\\nStandardInput=socket\\nRuntimeDirectory=sshd\\nRuntimeDirectoryMode=0755\\n' >/etc/systemd/system/ssh@.service
      systemctl daemon-reload; systemctl disable --now ssh.service; systemctl enable --now ssh.socket`);
    // other people's connections end at any time, and /run/sshd goes with each of them
    await host.must(`echo 'sudo rmdir /run/sshd' >/home/ops/.bashrc`);
    await comesUnderTheAuthority();
    await comesBackAfterAKill();
  });

  /** The operator's machine dies in the middle of a change that takes something away: the watchdog brings it back. */
  async function comesBackAfterAKill(): Promise<void> {
    const before = await snapshot(host);
    workspace.write(STAGING, workspace.read(STAGING).replace('root: [sre]', 'root: [sre, oncall]'));
    const child = workspace.start('apply', '-i', STAGING, '--yes', '--undo-after', '5s');
    const gone = new Promise((resolve) => child.once('exit', resolve));
    await host.must('until ls /var/lib/ensign/transactions/*/armed && grep -q oncall /etc/ssh/ensign/principals/root; do sleep 0.01; done 2>/dev/null');
    child.kill('SIGKILL');
    await gone;
    await host.must('until ls /var/lib/ensign/transactions/*/rolled-back && ! [ -d /var/lib/ensign/lock ]; do sleep 0.05; done 2>/dev/null', { timeoutMs: 60_000 });
    expect(await snapshot(host)).toBe(before);
    await stockClientLogsIn(22);
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed' }] });
  }
});
