import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LabHost } from './support/host.ts';
import { killedInTheMiddle, undone } from './support/interrupt.ts';
import { useLab } from './support/use-lab.ts';
import { inventoryOf, makeWorkspace, type TestWorkspace } from './support/workspace.ts';

const lab = useLab();
let host: LabHost;
let workspace: TestWorkspace;
let before: string;

/** Every file that decides how sshd behaves, with modes, owners and bytes. */
const SNAPSHOT = `find /etc/ssh /etc/systemd/system /etc/cron.d -printf '%p %m %u %l\\n' 2>/dev/null | sort; find /etc/ssh -type f -exec sha256sum {} + | sort; sshd -T | sha256sum`;

beforeAll(async () => {
  host = await lab.addHost({ name: 'undo-01.stg.lab.test' });
  workspace = await makeWorkspace(lab);
  workspace.write('inventories/staging.yaml', await inventoryOf(lab, 'staging', [host]));
});

afterAll(async () => {
  await lab.removeHost(host);
  workspace.remove();
});

beforeEach(async () => {
  before = await host.must(SNAPSHOT);
});

async function isAsBefore(): Promise<void> {
  expect(await host.must(SNAPSHOT)).toBe(before);
  expect(await host.must('ls -A /var/lib/ensign | grep -v -e transactions -e state.json -e mutex || true; systemctl list-units --all --plain --no-legend "ensign*"')).toBe('');
  const { code, stdout } = await workspace.ssh(['-i', lab.operatorKey, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=accept-new', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'], `ops@${host.name}`, 'echo', 'in');
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'in\n' });
}

describe('an unconfirmed change comes back', () => {
  test('by the watchdog, when the operator is gone', async () => {
    await killedInTheMiddle(workspace, host, 'inventories/staging.yaml', '5s');
    expect(await host.must('ls /etc/ssh/ensign')).toContain('user_ca.pub');
    await undone(host);
    expect(await host.must('cat /var/lib/ensign/transactions/*/reason')).toBe('deadline\n');
    await isAsBefore();
  });

  test('at boot and before sshd starts, when the host goes down', async () => {
    await killedInTheMiddle(workspace, host, 'inventories/staging.yaml', '10m');
    await host.reboot();
    expect(await host.must('cat /var/lib/ensign/transactions/*/reason')).toBe('boot\n');
    // generations of systemd say it in different words; the undo ends with a rename, which is what counts
    const started = await host.must(`journalctl -b --no-pager -o short-unix _PID=1 | grep -m 1 -e 'Starting ssh.service' -e 'Starting OpenBSD Secure Shell'`);
    const ended = await host.must('stat -c %.6Z /var/lib/ensign/transactions/*/rolled-back');
    expect(Number(ended)).toBeGreaterThan(0);
    expect(Number(started.split(' ')[0])).toBeGreaterThan(Number(ended));
    await isAsBefore();
  });

  test('at once, when a login that policy promises does not work', async () => {
    await host.must('usermod -s /bin/gone-shell deploy');
    const { code, stdout } = await workspace.ensign('apply', '-i', 'inventories/staging.yaml', '--yes', '--json');
    await host.must('usermod -s /bin/bash deploy');
    const { hosts } = JSON.parse(stdout) as { hosts: { outcome: string; code: string }[] };
    expect(hosts).toMatchObject([{ outcome: 'rolled-back', code: 'proof/certificate-login' }]);
    expect(code).toBe(4);
    await isAsBefore();
  });

  test('at once, when sshd says something new about its configuration', async () => {
    // sshd complains about a drop-in of ours only on this host: a wrapper stands for whatever makes it complain
    await host.must(`mv /usr/sbin/sshd /usr/sbin/sshd.real; printf '#!/bin/sh\\n[ -e /etc/ssh/sshd_config.d/00-ensign.conf ] && [ "$1" = -t ] && echo "something is odd" >&2\\nexec /usr/sbin/sshd.real "$@"\\n' >/usr/sbin/sshd; chmod 755 /usr/sbin/sshd`);
    const { code, stdout } = await workspace.ensign('apply', '-i', 'inventories/staging.yaml', '--yes', '--json');
    // the running sshd has the wrapper's path as its own: a reload would look for it
    await host.must('mv /usr/sbin/sshd.real /usr/sbin/sshd; systemctl restart ssh');
    expect(JSON.parse(stdout)).toMatchObject({ hosts: [{ outcome: 'rolled-back', code: 'host/sshd-test-failed', summary: expect.stringContaining('something is odd') as string }] });
    expect(code).toBe(4);
    await isAsBefore();
  });

  test('and the next apply goes through without hands', async () => {
    const { code, stdout } = await workspace.ensign('apply', '-i', 'inventories/staging.yaml', '--yes', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ hosts: [{ outcome: 'changed', summary: '3 certificates, 4 files; logins proved: root, deploy' }] });
    expect(code).toBe(0);
  });
});

describe('afterwards', () => {
  test('a file that somebody edited is refused, shown, and adopted only when told', async () => {
    await host.must('echo staging/intruder >>/etc/ssh/ensign/principals/root');
    const refused = await workspace.ensign('apply', '-i', 'inventories/staging.yaml', '--yes', '--json');
    expect(JSON.parse(refused.stdout)).toMatchObject({ hosts: [{ outcome: 'failed', code: 'host/foreign-edit' }] });
    expect(refused.code).toBe(4);
    const plan = await workspace.ensign('plan', '-i', 'inventories/staging.yaml');
    expect(plan.stdout).toContain('- staging/intruder');
    const status = await workspace.ensign('status', '-i', 'inventories/staging.yaml', '--json');
    expect(JSON.parse(status.stdout)).toMatchObject({ hosts: [{ verdict: 'drift' }] });
    expect(status.code).toBe(3);
    const adopted = await workspace.ensign('apply', '-i', 'inventories/staging.yaml', '--yes', '--json', '--adopt');
    expect(JSON.parse(adopted.stdout)).toMatchObject({ hosts: [{ outcome: 'changed' }] });
    expect(await host.readFile('/etc/ssh/ensign/principals/root')).toBe('staging/sre\n');
  });

  test('two operators at once: one changes the host, the other is told who does', async () => {
    await host.must('echo staging/intruder >>/etc/ssh/ensign/principals/root');
    const both = await Promise.all([1, 2].map(() => workspace.ensign('apply', '-i', 'inventories/staging.yaml', '--yes', '--json', '--adopt')));
    const outcomes = both.map(({ stdout }) => (JSON.parse(stdout) as { hosts: { outcome: string; code?: string }[] }).hosts[0]);
    expect(outcomes.some((o) => o?.outcome === 'changed')).toBe(true);
    const other = outcomes.find((o, i) => i !== outcomes.findIndex((x) => x?.outcome === 'changed') && o !== undefined);
    expect(other).toSatisfy((o: { outcome: string; code?: string }) => o.outcome === 'unchanged' || o.code === 'host/locked' || o.code === 'host/changed-since-plan');
    expect(await host.must('sshd -t && ls -A /var/lib/ensign')).toBe('mutex\nstate.json\ntransactions\n');
  });
});
