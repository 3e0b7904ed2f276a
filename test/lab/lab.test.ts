import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LabHost } from './support/host.ts';
import { DANA_PASSWORD, startLab } from './support/lab.ts';
import { leftovers, processesOf } from './support/leftovers.ts';
import { killProcess, until } from './support/process-id.ts';
import { readState } from './support/state.ts';
import { sweep } from './support/teardown.ts';
import { useLab } from './support/use-lab.ts';

const lab = useLab();
let web: LabHost;
let db: LabHost;

beforeAll(async () => {
  [web, db] = await Promise.all([lab.addHost({ name: 'web-01.lab-test' }), lab.addHost({ name: 'db-01.lab-test' })]);
});
afterAll(async () => {
  await Promise.all([web, db].map((host) => lab.removeHost(host)));
});

/** The stock client, as a stranger would call it. */
async function ssh(login: string, host: LabHost, command: string, options: { input?: string; seconds?: number } = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  const fixed = ['BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=accept-new', `UserKnownHostsFile=${lab.directory}/lab-test-known-hosts`];
  const set = [...fixed, `ConnectTimeout=${options.seconds ?? 10}`].flatMap((option) => ['-o', option]);
  return lab.exec(['ssh', '-F', 'none', '-i', lab.operatorKey, ...set, `${login}@${host.name}`, command], { input: options.input ?? '' });
}

describe('a host', () => {
  test('is a whole machine: booted, with its own name, system and address', async () => {
    expect((await web.run('systemctl is-system-running')).stdout).toBe('running\n');
    expect((await web.run('hostname')).stdout).toBe('web-01.lab-test\n');
    expect((await web.run('ip -oneline -4 address show host0')).stdout).toContain(` ${web.address}/24 `);
    expect((await web.run('cat /proc/1/comm')).stdout).toBe('systemd\n');
    expect((await web.run('cat /etc/machine-id')).stdout).not.toBe((await db.run('cat /etc/machine-id')).stdout);
  });

  test('lets in ops, dana and root with the operator key, and deploy not', async () => {
    expect(await ssh('ops', web, 'sudo -n id -un')).toMatchObject({ code: 0, stdout: 'root\n' });
    expect(await ssh('root', web, 'id -un')).toMatchObject({ code: 0, stdout: 'root\n' });
    expect((await ssh('dana', web, 'sudo -n true')).code).toBe(1);
    expect(await ssh('dana', web, 'sudo -S -p "" id -un', { input: `${DANA_PASSWORD}\n` })).toMatchObject({ code: 0, stdout: 'root\n' });
    expect(await ssh('deploy', web, 'true')).toMatchObject({ code: 255, stderr: expect.stringContaining('Permission denied') as string });
  });

  test('is alone in its control group, so that its systemd stops nobody else', async () => {
    const inSshd = 'find /sys/fs/cgroup -path "*/ssh.service/cgroup.procs" -exec cat {} + | sort -un';
    for (const host of [web, db]) {
      const listed = (await host.must(inSshd)).trim().split('\n');
      expect(listed).toContain((await host.must('systemctl show --property=MainPID --value ssh')).trim());
      // as which a process of another host would show
      expect(listed).not.toContain('0');
    }
  });

  test('has host keys of its own, and they are what its sshd serves', async () => {
    const [ours, theirs] = [await web.hostKeys(), await db.hostKeys()];
    expect(new Set([...Object.values(ours), ...Object.values(theirs)]).size).toBe(6);
    const scanned = await lab.exec(['ssh-keyscan', '-t', 'ed25519,ecdsa,rsa', web.address]);
    for (const line of Object.values(ours)) expect(scanned.stdout).toContain(line.split(' ')[1]);
  });

  test('has Debian’s own sshd configuration', async () => {
    expect(await web.run('cmp /etc/ssh/sshd_config /usr/share/openssh/sshd_config; ls -A /etc/ssh/sshd_config.d; sshd -t')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('shows nothing of the machine that it is made of', async () => {
    const names = (await web.must('ls -A /')).trim().split('\n').filter((name) => !/^(bin|sbin|lib|lib32|lib64|libx32|usr|etc|var)$/.test(name));
    expect(names).toEqual(['boot', 'dev', 'home', 'media', 'mnt', 'opt', 'proc', 'root', 'run', 'srv', 'sys', 'tmp']);
    expect((await web.must('ls -A /home')).split('\n')).toEqual(['dana', 'deploy', 'ops', '']);
    expect(await web.must('ls -A /root')).toBe('.ssh\n');
    expect(await web.must('find /boot /media /mnt /opt /srv /var/spool /var/mail -mindepth 1; ls -d /etc/cron* 2>/dev/null || true')).toBe('');
    // a password is in the third to last place of a line of `$id$salt$hash`; `*` fits none
    expect(await web.must(`awk -F: '$2 != "*" { print $1 }' /etc/shadow`)).toBe('dana\n');
    expect(await web.must('ls /etc/sudoers.d')).toBe('ops\n');
  });

  test('runs nothing but what a bare server runs', async () => {
    const services = await web.must('systemctl list-units --type=service --state=running --plain --no-legend | cut -d" " -f1 | grep -v ^user@');
    expect(services.trim().split('\n').sort()).toEqual(['dbus.service', 'ssh.service', 'systemd-journald.service', 'systemd-logind.service']);
    expect(await web.must('systemctl list-timers --no-legend')).toBe('');
  });

  test('has files written and read from outside, whatever is in them', async () => {
    const text = `a'b"c$HOME\\\n\u00e9\n`;
    await web.writeFile("/etc/new folder/it's", text, 0o600);
    expect(await web.readFile("/etc/new folder/it's")).toBe(text);
    expect((await web.run('stat -c %a "/etc/new folder/it\'s"')).stdout).toBe('600\n');
  });
});

describe('the network', () => {
  test('has no way out, neither for the operator nor for a host', async () => {
    // TEST-NET-1 stands for everything else
    expect((await lab.exec(['ip', 'route', 'get', '192.0.2.1'])).code).toBe(2);
    expect((await web.run('ip route get 192.0.2.1')).code).toBe(2);
    const links = JSON.parse((await lab.exec(['ip', '-json', 'link', 'show'])).stdout) as { ifname: string }[];
    expect(links.map((link) => link.ifname).sort()).toEqual(['lab0', 'lo', ...lab.hosts.map((host) => host.link)].sort());
  });

  test('joins the hosts with each other', async () => {
    expect((await web.run(`bash -c 'exec 3<>/dev/tcp/${db.address}/22; read -r line <&3; echo "$line"'`)).stdout).toMatch(/^SSH-2\.0-/);
  });

  test('loses a host whose link is cut, without a word, and gets it back', async () => {
    await web.cutLink();
    expect(await ssh('ops', web, 'true', { seconds: 1 })).toMatchObject({ code: 255, stderr: expect.stringContaining('timed out') as string });
    expect((await ssh('ops', db, 'true')).code).toBe(0);
    expect((await web.run('systemctl is-active ssh')).stdout).toBe('active\n');
    await web.restoreLink();
    expect((await ssh('ops', web, 'true')).code).toBe(0);
  });
});

describe('a reboot', () => {
  const bootId = 'cat /proc/sys/kernel/random/boot_id';

  test('by a power cut keeps the disk, the address and the keys, and nothing in memory', async () => {
    const [before, keys] = [await web.must(bootId), await web.hostKeys()];
    await web.run('echo disk >/etc/marker; echo memory >/run/marker; sync');
    await web.reboot();
    expect(await web.must(bootId)).not.toBe(before);
    expect(await web.hostKeys()).toEqual(keys);
    expect((await web.run('cat /etc/marker; cat /run/marker')).stdout).toBe('disk\n');
    expect((await ssh('ops', web, 'hostname')).stdout).toBe('web-01.lab-test\n');
  });

  test('from the inside comes back by itself', async () => {
    const before = await db.must(bootId);
    await ssh('root', db, 'systemctl reboot');
    await until(async () => {
      const now = await db.run(bootId).catch(() => undefined);
      return now?.code === 0 && now.stdout !== before && (await ssh('ops', db, 'true', { seconds: 1 })).code === 0;
    }, 60_000, 'db to come back');
  });
});

describe('the hosts of a lab', () => {
  test('have unique names, free again when the host is removed', async () => {
    await expect(lab.addHost({ name: web.name })).rejects.toThrow('has a host web-01.lab-test already');
    const first = await lab.addHost({ name: 'brief.lab-test' });
    expect((await lab.exec(['getent', 'hosts', 'brief.lab-test'])).stdout).toContain(first.address);
    await lab.removeHost(first);
    expect((await lab.exec(['getent', 'hosts', 'brief.lab-test'])).code).toBe(2);
    const second = await lab.addHost({ name: 'brief.lab-test' });
    expect((await second.run('ls /etc/marker')).code).not.toBe(0);
    expect(second.address).not.toBe(first.address);
    await lab.removeHost(second);
  });
});

describe('nothing stays behind', () => {
  test('when a lab is taken down', async () => {
    const other = await startLab({ hosts: [{ name: 'a.lab-test' }, { name: 'b.lab-test' }] });
    const processes = processesOf(other.id);
    expect(processes.length).toBeGreaterThan(8);
    const things = (await leftovers(other.id, processes)).map((line) => line.split(' ')[0]);
    expect(new Set(things)).toEqual(new Set(['process', 'mount', 'namespace', 'control', 'folder']));
    await other.down();
    expect(await leftovers(other.id, processes)).toEqual([]);
    await other.down();
  });

  test('when its owner is killed', async () => {
    const { owner, id, processes } = await startElsewhere();
    owner.kill('SIGKILL');
    await until(async () => (await leftovers(id, processes)).length === 0, 30_000, 'the watcher to take the lab down');
  });

  test('when owner and watcher are killed, after the next sweep', async () => {
    const { owner, id, processes } = await startElsewhere();
    const watcher = readState(id)?.watcher;
    if (watcher === undefined) throw new Error('the lab has no watcher');
    await killProcess(watcher);
    owner.kill('SIGKILL');
    await once(owner, 'close');
    expect((await leftovers(id, processes)).length).toBeGreaterThan(8);
    expect(await sweep()).toContain(id);
    expect(await leftovers(id, processes)).toEqual([]);
  });

  test('of the shared lab is touched by a sweep, whose owner lives', async () => {
    await sweep();
    expect((await ssh('ops', web, 'true')).code).toBe(0);
  });
});

/** A lab with one host, owned by a process that can be killed without harm. */
async function startElsewhere(): Promise<{ owner: ChildProcess; id: string; processes: number[] }> {
  const script = `const { startLab } = await import(process.argv[1]);
    const lab = await startLab({ hosts: [{ name: 'c.lab-test' }] });
    process.stdout.write(lab.id + '\\n');
    setInterval(() => {}, 1e6);`;
  const module = fileURLToPath(new URL('support/lab.ts', import.meta.url));
  const owner = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script, module], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = (await once(owner.stdout, 'data')) as [Buffer];
  const id = output.toString().trim();
  return { owner, id, processes: processesOf(id) };
}
