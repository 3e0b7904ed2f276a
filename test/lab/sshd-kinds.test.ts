import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { expectRefused, inventoryText, reported, snapshot } from './support/fleet.ts';
import type { LabHost } from './support/host.ts';
import { useLab } from './support/use-lab.ts';
import { makeWorkspace, type TestWorkspace } from './support/workspace.ts';

const lab = useLab();
let workspace: TestWorkspace;
let count = 0;
const CONFIG = '/etc/ssh/sshd_config';

beforeAll(async () => {
  workspace = await makeWorkspace(lab);
});
afterAll(() => workspace.remove());

/** A host of some kind, and an inventory of it alone. */
interface Kind {
  readonly host: LabHost;
  readonly inventory: string;
  readonly port: number;
}

/** A fresh host made into the kind that a test is about. It goes with the test. */
async function kind(prepare: string, port = 22): Promise<Kind> {
  count += 1;
  const name = `kind-${String(count).padStart(2, '0')}`;
  const host = await lab.addHost({ name: `${name}.stg.lab.test` });
  onTestFinished(() => lab.removeHost(host));
  await host.must(prepare);
  const inventory = `inventories/${name}.yaml`;
  workspace.write(inventory, inventoryText('staging', `user: ops, become: sudo, identityFile: ${lab.operatorKey}, firstContact: accept-new`, { [host.name]: `address: ${host.address}, port: ${port}` }));
  return { host, inventory, port };
}

const LOGINS_PROVED: unknown = expect.stringContaining('logins proved: root, deploy');

/** The whole job on this kind of host: changed with proof, nothing left behind, and nothing left to do. */
async function comesUnderTheAuthority({ host, inventory }: Kind, summary = LOGINS_PROVED): Promise<void> {
  const applied = await reported(workspace, 'apply', '-i', inventory, '--yes');
  expect(applied.hosts).toMatchObject([{ outcome: 'changed', summary }]);
  expect(applied.code).toBe(0);
  expect(await reported(workspace, 'plan', '-i', inventory, '--exit-code')).toMatchObject({ code: 0, hosts: [{ status: 'unchanged' }] });
  expect(await host.must('mkdir -p /run/sshd; sshd -t 2>/dev/null; ls -A /var/lib/ensign /var/lib/ensign/transactions')).toBe('/var/lib/ensign:\nmutex\nstate.json\ntransactions\n\n/var/lib/ensign/transactions:\n');
}

async function stockClientLogsIn({ host, inventory, port }: Kind): Promise<void> {
  const { stdout: lines } = await workspace.ensign('known-hosts', '-i', inventory);
  const knownHosts = workspace.write(`${host.name}.known_hosts`, lines);
  const { code, stdout, stderr } = await workspace.ssh(['-p', String(port), '-i', lab.operatorKey, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${knownHosts}`], `ops@${host.name}`, 'id', '-un');
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'ops\n', stderr: '' });
}

describe('ports', () => {
  test('another port than 22', async () => {
    const one = await kind('echo "Port 2222" >/etc/ssh/sshd_config.d/10-port.conf; systemctl restart ssh', 2222);
    await comesUnderTheAuthority(one);
    await stockClientLogsIn(one);
    expect(workspace.read(`${one.host.name}.known_hosts`)).toContain(`[${one.host.name}]:2222`);
  });

  test('two ports: reached by one, proved there, served at both', async () => {
    const one = await kind('printf "Port 22\\nPort 2222\\n" >/etc/ssh/sshd_config.d/10-port.conf; systemctl restart ssh', 2222);
    await comesUnderTheAuthority(one);
    await stockClientLogsIn(one);
    const scan = await workspace.ensign('scan', one.host.name, `${one.host.name}:2222`, '--json');
    const { hosts } = JSON.parse(scan.stdout) as { hosts: unknown[] };
    expect(hosts).toMatchObject([{ verdict: 'good' }, { verdict: 'good' }]);
  });
});

describe('addresses', () => {
  test('IPv6, at another port', async () => {
    const one = await kind('ip -6 address add fd00:99::66/64 dev host0 nodad; echo "Port 2222" >/etc/ssh/sshd_config.d/10-port.conf; systemctl restart ssh', 2222);
    await lab.exec(['ip', '-6', 'address', 'replace', 'fd00:99::1/64', 'dev', 'lab0', 'nodad']);
    workspace.write(one.inventory, workspace.read(one.inventory).replace(one.host.address, '"fd00:99::66"'));
    await comesUnderTheAuthority(one);
    const { stdout: lines } = await workspace.ensign('known-hosts', '-i', one.inventory);
    expect(lines).toContain('[fd00:99::66]:2222');
    const ssh = await workspace.ssh(['-p', '2222', '-i', lab.operatorKey, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${workspace.write('six', lines)}`], 'ops@fd00:99::66', 'id', '-un');
    expect(ssh).toEqual({ code: 0, stdout: 'ops\n', stderr: '' });
  });
});

describe('configurations', () => {
  test('without an Include: one marked block at the top, the rest byte for byte', async () => {
    const one = await kind(`sed -i '/^Include/d' ${CONFIG}; cp ${CONFIG} /root/before; systemctl restart ssh`);
    await comesUnderTheAuthority(one);
    expect(await one.host.readFile(CONFIG)).toBe(`# BEGIN ensign (managed; keep this first)\nInclude /etc/ssh/sshd_config.d/00-ensign.conf\n# END ensign\n${await one.host.readFile('/root/before')}`);
  });

  test('without a newline at the end, behind a symbolic link, and with a complaint whose line number moves', async () => {
    const one = await kind(`sed -i '/^Include/d' ${CONFIG}; printf 'UsePrivilegeSeparation yes\\nMatch User nobody\\n  X11Forwarding no' >>${CONFIG}; mv ${CONFIG} /etc/ssh/real; ln -s real ${CONFIG}; systemctl restart ssh`);
    expect(await one.host.must('sshd -t 2>&1')).toContain('Deprecated option');
    await comesUnderTheAuthority(one);
    expect(await one.host.must(`readlink ${CONFIG}; head -n 1 /etc/ssh/real; tail -n 1 /etc/ssh/real`)).toBe('real\n# BEGIN ensign (managed; keep this first)\n  X11Forwarding no\n');
  });

  test('without the folder of drop-ins', async () => {
    const one = await kind('rm -r /etc/ssh/sshd_config.d; systemctl restart ssh');
    await comesUnderTheAuthority(one);
  });

  test('with the Include at the top and again inside a Match block', async () => {
    const one = await kind(`printf 'Match User nobody\\n  Include /etc/ssh/sshd_config.d/*.conf\\n' >>${CONFIG}; systemctl restart ssh`);
    await comesUnderTheAuthority(one);
  });

  test('that gains an Include of its own later: the block goes, and nothing is said twice', async () => {
    const one = await kind(`sed -i '/^Include/d' ${CONFIG}; cp ${CONFIG} /root/before; systemctl restart ssh`);
    expect(await reported(workspace, 'apply', '-i', one.inventory, '--yes')).toMatchObject({ hosts: [{ outcome: 'changed' }] });
    await one.host.must(`sed -i '/^# END ensign/a Include /etc/ssh/sshd_config.d/*.conf' ${CONFIG}; systemctl restart ssh`);
    await comesUnderTheAuthority(one);
    expect(await one.host.readFile(CONFIG)).toBe(`Include /etc/ssh/sshd_config.d/*.conf\n${await one.host.readFile('/root/before')}`);
    expect(await one.host.must('sshd -T | grep -c -i hostcertificate')).toBe('3\n');
  });

  test('that ensign cannot read whole: refused, not overwritten', async () => {
    const one = await kind(`printf '# gr\\374\\337e\\n' >>${CONFIG}; systemctl restart ssh`);
    await expectRefused(workspace, one.host, one.inventory, 'host/config-unreadable');
  });

  test('where root may not log in, and another login has no shell: set up, said, not tried', async () => {
    const one = await kind('echo "PermitRootLogin no" >/etc/ssh/sshd_config.d/10-root.conf; usermod -s /usr/sbin/nologin deploy; systemctl restart ssh');
    const plan = await reported(workspace, 'plan', '-i', one.inventory);
    // newer hosts have a notice about a host key besides
    expect(plan.hosts[0]?.notices?.filter((n) => n.code === 'host/login-not-provable').map((n) => n.message.split(' ')[1])).toEqual(['root', 'deploy']);
    await comesUnderTheAuthority(one, '3 certificates, 4 files; no login by certificate was tried');
  });
});

describe('host keys', () => {
  test('RSA only', async () => {
    const one = await kind(`rm /etc/ssh/ssh_host_ed25519_key* /etc/ssh/ssh_host_ecdsa_key*; sed -i 's|^#HostKey /etc/ssh/ssh_host_rsa_key|HostKey /etc/ssh/ssh_host_rsa_key|' ${CONFIG}; systemctl restart ssh`);
    await comesUnderTheAuthority(one, '1 certificate, 4 files; logins proved: root, deploy');
  });

  test('one more that cannot be read, and one that is not there: named, and left out', async () => {
    const one = await kind(`echo garbage >/etc/ssh/extra; chmod 600 /etc/ssh/extra; printf 'HostKey /etc/ssh/ssh_host_ed25519_key\\nHostKey /etc/ssh/extra\\nHostKey /etc/ssh/gone\\n' >/etc/ssh/sshd_config.d/10-keys.conf; systemctl restart ssh`);
    const plan = await reported(workspace, 'plan', '-i', one.inventory);
    expect(plan.hosts[0]?.notices?.map((n) => [n.code, n.message.split(':')[0]])).toEqual([['host/host-key-unreadable', '/etc/ssh/extra'], ['host/host-key-unreadable', '/etc/ssh/gone']]);
    await comesUnderTheAuthority(one, '1 certificate, 4 files; logins proved: root, deploy');
  });
});

describe('logins', () => {
  test('whose shell prints on stdout and stderr before every command', async () => {
    const one = await kind(`for home in /home/ops /home/deploy /root; do printf 'echo "welcome to $(hostname)"; echo "mind the gap" >&2; printf "no newline"\\n' >"$home/.bashrc"; done; chown ops: /home/ops/.bashrc; chown deploy: /home/deploy/.bashrc`);
    expect(await reported(workspace, 'apply', '-i', one.inventory, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed', summary: expect.stringContaining('logins proved: root, deploy') as string }] });
    expect(await reported(workspace, 'plan', '-i', one.inventory, '--exit-code')).toMatchObject({ code: 0, hosts: [{ status: 'unchanged' }] });
  });
});

const SOCKET = `rm -f /etc/systemd/system/ssh.socket /etc/systemd/system/ssh@.service`;

describe('socket activation', () => {
  test("one sshd for all, as Debian's ssh.socket starts it", async () => {
    const one = await kind(`${SOCKET}; systemctl daemon-reload; systemctl disable --now ssh.service; systemctl enable --now ssh.socket`);
    await comesUnderTheAuthority(one);
    await one.host.reboot();
    await stockClientLogsIn(one);
    await comesBackAfterAKill(one);
  });

  test('one sshd for each connection', async () => {
    const one = await kind(`${SOCKET}
      printf '[Socket]\\nListenStream=22\\nAccept=yes\\n[Install]\\nWantedBy=sockets.target\\n' >/etc/systemd/system/ssh.socket
      printf '[Service]\\nExecStart=-/usr/sbin/sshd -i\\nStandardInput=socket\\nRuntimeDirectory=sshd\\nRuntimeDirectoryMode=0755\\n' >/etc/systemd/system/ssh@.service
      systemctl daemon-reload; systemctl disable --now ssh.service; systemctl enable --now ssh.socket`);
    // other people's connections end at any time, and /run/sshd goes with each of them
    await one.host.must(`echo 'sudo rmdir /run/sshd' >/home/ops/.bashrc`);
    await comesUnderTheAuthority(one);
    await comesBackAfterAKill(one);
  });

  /** The operator's machine dies in the middle of a change that takes something away: the watchdog brings it back. */
  async function comesBackAfterAKill(one: Kind): Promise<void> {
    const before = await snapshot(one.host);
    workspace.write(one.inventory, workspace.read(one.inventory).replace('root: [sre]', 'root: [sre, oncall]'));
    const child = workspace.start('apply', '-i', one.inventory, '--yes', '--undo-after', '5s');
    const gone = new Promise((resolve) => child.once('exit', resolve));
    await one.host.must('until ls /var/lib/ensign/transactions/*/armed && grep -q oncall /etc/ssh/ensign/principals/root; do sleep 0.01; done 2>/dev/null');
    child.kill('SIGKILL');
    await gone;
    await one.host.must('until ls /var/lib/ensign/transactions/*/rolled-back && ! [ -d /var/lib/ensign/lock ]; do sleep 0.05; done 2>/dev/null', { timeoutMs: 60_000 });
    expect(await snapshot(one.host)).toBe(before);
    await stockClientLogsIn(one);
    expect(await reported(workspace, 'apply', '-i', one.inventory, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed' }] });
  }
});
