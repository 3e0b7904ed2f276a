import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inventoryText, reported, reportOf } from './support/fleet.ts';
import type { LabHost } from './support/host.ts';
import { DANA_PASSWORD } from './support/lab.ts';
import { OPERATOR_ADDRESS } from './support/namespace.ts';
import { useLab } from './support/use-lab.ts';
import { fingerprintOf, makeWorkspace, type TestWorkspace } from './support/workspace.ts';

const lab = useLab();
const STAGING = 'inventories/staging.yaml';
const LOGINS = '{ root: [sre], deploy: [sre, deployers] }';
const OPENSSH = ['--transport', 'openssh'] as const;
let workspace: TestWorkspace;
let gate: LabHost;
let web: LabHost;
/** Of the run that is looked at: others may be at work on this machine. */
let temporary: string;

beforeAll(async () => {
  [gate, web] = (await Promise.all(['gate', 'web'].map((name) => lab.addHost({ name: `${name}.stg.lab.test` })))) as [LabHost, LabHost];
  workspace = await makeWorkspace(lab);
  temporary = mkdtempSync(join(tmpdir(), 'ensign-spied-'));
});

afterAll(async () => {
  rmSync(temporary, { recursive: true, force: true });
  await Promise.all([gate, web].map((host) => lab.removeHost(host)));
  workspace.remove();
});

interface Login {
  readonly user: string;
  readonly address: string;
  readonly port: string;
}

/** The logins that an sshd has let in since then, by its log. */
async function loginsSince(host: LabHost, since: string): Promise<Login[]> {
  const log = await host.must('journalctl -u ssh --since "$1" --no-pager -o cat', { args: [since] });
  return [...log.matchAll(/^Accepted publickey for (\S+) from (\S+) port (\d+) /gm)].map(([, user = '', address = '', port = '']) => ({ user, address, port }));
}

// journalctl counts in seconds, so the next second has to begin first
function now(host: LabHost): Promise<string> {
  return host.must('s=$(date +%s); while [ "$(date +%s)" = "$s" ]; do sleep 0.05; done; date "+%Y-%m-%d %H:%M:%S"').then((text) => text.trim());
}

describe('the main job over the stock client', () => {
  beforeAll(async () => {
    workspace.write(STAGING, inventoryText('staging', `user: ops, become: sudo, identityFile: ${lab.operatorKey}, firstContact: pinned`, { [web.name]: `address: ${web.address}, hostKey: "${await fingerprintOf(lab, web)}"` }, LOGINS));
  });

  test('plan shows the change', async () => {
    expect(await reported(workspace, 'plan', '-i', STAGING, '--exit-code', ...OPENSSH)).toMatchObject({ code: 3, stderr: '', hosts: [{ status: 'change' }] });
  });

  test('apply changes the host, and every step of the proof is a TCP connection of its own', async () => {
    const since = await now(web);
    const { code, stderr, hosts } = await reported(workspace, 'apply', '-i', STAGING, '--yes', ...OPENSSH);
    expect({ code, stderr, hosts }).toMatchObject({ code: 0, stderr: '', hosts: [{ outcome: 'changed', summary: '3 certificates, 4 files; logins proved: root, deploy' }] });
    // the lifeline, the old login anew, and one login for each principal; what ran on them needed no login more
    const logins = await loginsSince(web, since);
    expect(logins.map(({ user }) => user)).toEqual(['ops', 'ops', 'root', 'deploy']);
    expect(new Set(logins.map(({ port }) => port)).size).toBe(4);
  });

  test('a second apply finds nothing to do, and status is good', async () => {
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes', ...OPENSSH)).toMatchObject({ code: 0, hosts: [{ outcome: 'unchanged' }] });
    expect(await workspace.ensign('status', '-i', STAGING, ...OPENSSH)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^web\.stg\.lab\.test +good/m) as string });
  });

  test('another host key is refused, and nothing is offered to that host', async () => {
    const genuine = workspace.read(STAGING);
    workspace.write(STAGING, genuine.replace(/SHA256:[^"]*/, await fingerprintOf(lab, gate)));
    const since = await now(web);
    expect(await reported(workspace, 'plan', '-i', STAGING, ...OPENSSH)).toMatchObject({ code: 4, hosts: [{ status: 'failed', error: { code: 'ssh/host-key-changed' } }] });
    expect(await loginsSince(web, since)).toEqual([]);
    workspace.write(STAGING, genuine);
  });

  test('no secret is in an argument, in the environment or in a file of the client', async () => {
    const password = workspace.write('become', `${DANA_PASSWORD}\n`, 0o600);
    workspace.write(STAGING, workspace.read(STAGING).replace('user: ops', 'user: dana').replace('deployers', 'others'));
    const applying = workspace.ensignWith({ env: { TMPDIR: temporary } }, 'apply', '-i', STAGING, '--yes', '--become-password-file', password, '--json', ...OPENSSH).then(reportOf);
    const seen = await spyUntil(applying);
    expect(await applying).toMatchObject({ code: 0, hosts: [{ outcome: 'changed' }] });
    // there was something to see
    expect(seen.commandLines.some((line) => line.startsWith(`ssh\0-F\0${temporary}/ensign-ssh-`))).toBe(true);
    expect([...seen.files.keys()].some((path) => path.endsWith('/known_hosts'))).toBe(true);
    const all = [...seen.commandLines, ...seen.environments, ...seen.files.values()];
    expect(all.filter((text) => text.includes(DANA_PASSWORD) || text.includes('PRIVATE KEY'))).toEqual([]);
  });

  test('nothing of the client is left: no process, no folder', () => {
    expect(processes().filter((line) => line.includes(temporary))).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe('what ssh_config says and the inventory does not', () => {
  let config: string;

  beforeAll(async () => {
    // reached through the gate only, by a name that means nothing elsewhere, and on a port of its own
    await web.must('ip route replace blackhole "$1/32"; printf "Port 22\\nPort 2222\\n" >/etc/ssh/sshd_config.d/ports.conf; systemctl reload ssh', { args: [OPERATOR_ADDRESS] });
    config = workspace.write('ssh_config', `Host web.stg.lab.test
  HostName ${web.address}
  Port 2222
  ProxyJump ops@entrance:22
Host proxied.stg.lab.test
  HostName ${web.address}
  HostKeyAlias ignored
  ProxyCommand ssh -F none -i ${lab.operatorKey} -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=${workspace.home}/.ssh/known_hosts -W %h:%p %r@${gate.address}
Host entrance
  HostName ${gate.address}
Host *
  User ops
  IdentityFile ${lab.operatorKey}
  ProxyJump entrance
`);
    workspace.write(STAGING, inventoryText('staging', 'become: sudo', { [web.name]: '' }, LOGINS));
    await know(gate, web);
  });

  /** In the home's known_hosts, as an operator would have them: plain keys, no port. */
  async function know(...hosts: readonly LabHost[]): Promise<void> {
    const lines = await Promise.all(hosts.map(async (host) => `${host.address} ${(await host.hostKeys()).ed25519}\n`));
    workspace.write('../home/.ssh/known_hosts', lines.join(''), 0o600);
  }

  test.each(['openssh', 'node-ssh'])('is used by %s: alias, port, login, key and ProxyJump', async (transport) => {
    const since = await now(web);
    expect(await reported(workspace, 'plan', '-i', STAGING, '--ssh-config', config, '--transport', transport)).toMatchObject({ stderr: '', hosts: [{ name: web.name }] });
    expect(await loginsSince(web, since)).toMatchObject([{ user: 'ops', address: gate.address }]);
  });

  test.each(['openssh', 'node-ssh'])('a jump host whose key nobody knows is refused by %s', async (transport) => {
    await know(web);
    const since = await now(gate);
    const { code, hosts } = await reported(workspace, 'plan', '-i', STAGING, '--ssh-config', config, '--transport', transport);
    expect({ code, hosts }).toMatchObject({ code: 4, hosts: [{ status: 'failed', error: { code: 'ssh/host-key-unknown', message: expect.stringContaining('jump host entrance') as string } }] });
    expect(await loginsSince(gate, since)).toEqual([]);
    await know(gate, web);
  });

  test.each(['openssh', 'node-ssh'])('a ProxyCommand carries %s, and its scans', async (transport) => {
    workspace.write('inventories/proxied.yaml', inventoryText('staging', 'become: sudo', { 'proxied.stg.lab.test': '' }, LOGINS));
    const since = await now(web);
    expect(await reported(workspace, 'plan', '-i', 'inventories/proxied.yaml', '--ssh-config', config, '--transport', transport)).toMatchObject({ stderr: '', hosts: [{ name: 'proxied.stg.lab.test' }] });
    expect(await loginsSince(web, since)).toMatchObject([{ user: 'ops', address: gate.address }]);
  });

  test('what the inventory says stands', async () => {
    workspace.write(STAGING, inventoryText('staging', `become: none, user: root, identityFile: ${lab.operatorKey}`, { [web.name]: `jump: { address: ${gate.address}, user: deploy, identityFile: ${lab.operatorKey} }` }, LOGINS));
    expect(await reported(workspace, 'plan', '-i', STAGING, '--ssh-config', config)).toMatchObject({ code: 4, hosts: [{ error: { code: 'ssh/auth-failed', message: expect.stringContaining('does not let deploy log in') as string } }] });
  });

  test('a file that ssh cannot read is a mistake of ours, before anything is connected to', async () => {
    const broken = workspace.write('broken_config', 'Host *\n  NoSuchKeyword yes\n');
    expect(await workspace.ensign('plan', '-i', STAGING, '--ssh-config', broken)).toMatchObject({ code: 2, stderr: expect.stringContaining('ssh-config/bad') as string });
  });
});

interface Seen {
  readonly commandLines: readonly string[];
  readonly environments: readonly string[];
  readonly files: ReadonlyMap<string, string>;
}

/** Looks at every process, and at what the clients keep in their folders, again and again until the work is done. */
async function spyUntil(work: Promise<unknown>): Promise<Seen> {
  const state = { over: false };
  void work.finally(() => { state.over = true; }).catch(() => undefined);
  const commandLines = new Set<string>();
  const environments = new Set<string>();
  const files = new Map<string, string>();
  while (!state.over) {
    for (const pid of pids()) {
      const environment = quietly(() => readFileSync(`/proc/${pid}/environ`, 'latin1'));
      // ours, and what it started: others at work on this machine may be careless
      if (!environment.includes(`TMPDIR=${temporary}\0`)) continue;
      environments.add(environment);
      commandLines.add(quietly(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1')));
    }
    for (const folder of readdirSync(temporary).map((name) => join(temporary, name))) {
      for (const name of quietlyList(folder)) files.set(join(folder, name), quietly(() => readFileSync(join(folder, name), 'latin1')));
    }
    await turn();
  }
  return { commandLines: [...commandLines], environments: [...environments], files };
}

function processes(): string[] {
  return pids().map((pid) => quietly(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1')));
}

function pids(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

// processes and folders go while they are looked at, and sockets are no files
function quietly(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

function quietlyList(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
