import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { expectRefused, inventoryText, reported } from '../support/fleet.ts';
import type { LabHost } from '../support/host.ts';
import { killedInTheMiddle, undone } from '../support/interrupt.ts';
import { useLab } from '../support/use-lab.ts';
import { fingerprintOf, makeWorkspace, type TestWorkspace } from '../support/workspace.ts';

const lab = useLab();
const STAGING = 'inventories/staging.yaml';
const SNAPSHOT = `find /etc/ssh /etc/cron.d -printf '%p %m %u %g %l\\n' | sort; find /etc/ssh -type f -exec sha256sum {} + | sort; sshd -T | sha256sum`;
let host: LabHost;
let workspace: TestWorkspace;
let before: string;

beforeAll(async () => {
  host = await lab.addHost({ name: 'old-01.stg.lab.test', image: 'sysvinit' });
  workspace = await makeWorkspace(lab);
  workspace.write(STAGING, inventoryText('staging', `user: ops, become: sudo, identityFile: ${lab.operatorKey}`, { [host.name]: `address: ${host.address}, hostKey: "${await fingerprintOf(lab, host)}"` }));
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
  expect(await host.must('ls -A /var/lib/ensign | grep -v -e transactions -e mutex || true')).toBe('');
  const { code, stdout } = await workspace.ssh(['-i', lab.operatorKey, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=accept-new', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'], `ops@${host.name}`, 'echo', 'in');
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'in\n' });
}

describe('a host without systemd', () => {
  test('has another init, and nothing of systemd', async () => {
    expect(await host.must('cat /proc/1/comm; ls -d /run/systemd/system 2>/dev/null || true; command -v systemctl systemd-run || true')).toBe('init\n');
  });

  test('undoes an unconfirmed change by a process of its own, when the operator is gone', async () => {
    await killedInTheMiddle(workspace, host, STAGING, '5s');
    expect(await host.must('ls /etc/cron.d')).toMatch(/^ensign-boot-undo-[0-9a-f]{16}$/m);
    await undone(host);
    expect(await host.must('cat /var/lib/ensign/transactions/*/reason')).toBe('deadline\n');
    await isAsBefore();
    expect(await host.must('ps -eo args | grep -c "[w]atchdog" || true')).toBe('0\n');
  });

  test('tries again what it cannot undo at once', async () => {
    await killedInTheMiddle(workspace, host, STAGING, '5s');
    await host.must('mount --bind /etc/ssh /etc/ssh && mount -o remount,bind,ro /etc/ssh');
    await host.must('until grep -q "not undone yet" /var/lib/ensign/transactions/*/log; do sleep 0.05; done 2>/dev/null', { timeoutMs: 60_000 });
    await host.must('umount /etc/ssh');
    await undone(host);
    await isAsBefore();
  });

  test('undoes it at boot, by cron, and its sshd has the old configuration again', async () => {
    await killedInTheMiddle(workspace, host, STAGING, '10m');
    await host.reboot();
    await undone(host);
    expect(await host.must('cat /var/lib/ensign/transactions/*/reason')).toBe('boot\n');
    await isAsBefore();
    const scan = await workspace.ensign('scan', host.name, '--json');
    expect(JSON.parse(scan.stdout)).not.toMatchObject({ hosts: [{ verdict: 'good' }] });
  });

  test('undoes it at once, when a login that policy promises does not work', async () => {
    await host.must('usermod -s /bin/gone-shell deploy');
    const { hosts } = await reported(workspace, 'apply', '-i', STAGING, '--yes');
    await host.must('usermod -s /bin/bash deploy');
    expect(hosts).toMatchObject([{ outcome: 'rolled-back', code: 'proof/certificate-login' }]);
    expect(await host.must('ps -eo args | grep "[w]atchdog" || true')).toBe('');
    await isAsBefore();
  });

  test('is refused while no cron runs, because nothing could undo a change after a reboot', async () => {
    await host.must('/etc/init.d/cron stop');
    await expectRefused(workspace, host, STAGING, 'host/no-boot-undo');
    await host.must('/etc/init.d/cron start');
  });

  test('comes under the authority with proof, leaves nothing behind, and a second apply changes nothing', async () => {
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed', summary: '3 certificates, 4 files; logins proved: root, deploy' }] });
    expect(await host.must('ls -A /var/lib/ensign /var/lib/ensign/transactions; ls /etc/cron.d | grep ensign || true; ps -eo args | grep "[w]atchdog" || true')).toBe('/var/lib/ensign:\nmutex\nstate.json\ntransactions\n\n/var/lib/ensign/transactions:\n');
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'unchanged' }] });
    expect(await workspace.ensign('status', '-i', STAGING)).toMatchObject({ code: 0 });
  });

  test('serves its certificate after a reboot too', async () => {
    await host.reboot();
    expect(await workspace.ensign('status', '-i', STAGING)).toMatchObject({ code: 0 });
  });
});
