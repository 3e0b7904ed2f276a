import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { LabHost } from './support/host.ts';
import { killedInTheMiddle, undone } from './support/interrupt.ts';
import { useLab } from './support/use-lab.ts';
import { inventoryOf, makeWorkspace, type TestWorkspace } from './support/workspace.ts';

const lab = useLab();
let host: LabHost;
let workspace: TestWorkspace;
let before: string;

const STAGING = 'inventories/staging.yaml';
const SNAPSHOT = `find /etc/ssh /etc/systemd/system /etc/cron.d -printf '%p %m %u %g %l\\n' 2>/dev/null | sort; find /etc/ssh -type f -exec sha256sum {} + | sort`;

beforeAll(async () => {
  host = await lab.addHost({ name: 'left-01.stg.lab.test' });
  workspace = await makeWorkspace(lab);
  workspace.write(STAGING, await inventoryOf(lab, 'staging', [host]));
});

afterAll(async () => {
  await lab.removeHost(host);
  workspace.remove();
});

beforeEach(async () => {
  before = await host.must(SNAPSHOT);
});

async function outcome(...args: readonly string[]): Promise<unknown> {
  const { stdout } = await workspace.ensign('apply', '-i', STAGING, '--yes', '--json', ...args);
  return (JSON.parse(stdout) as { hosts: unknown[] }).hosts[0];
}

test('an undo that cannot write says so, keeps its hooks, and is tried again until it can', async () => {
  await killedInTheMiddle(workspace, host, STAGING, '5s');
  await host.must('mount --bind /etc/ssh /etc/ssh && mount -o remount,bind,ro /etc/ssh');
  await host.must('until grep -q "not undone yet" /var/lib/ensign/transactions/*/log; do sleep 0.05; done 2>/dev/null', { timeoutMs: 60_000 });
  expect(await host.must('ls /var/lib/ensign/transactions/*/rolling-back /etc/systemd/system/ensign-boot-undo-*.service | wc -l')).toBe('2\n');
  await host.must('umount /etc/ssh');
  await undone(host);
  expect(await host.must(SNAPSHOT)).toBe(before);
  expect(await host.must('systemctl list-units --all --plain --no-legend "ensign*"')).toBe('');
});

test('a change that is held up beyond its deadline is stopped, undone and stays undone', async () => {
  // a restorecon that takes its time stands for a stalled disk or a paused machine
  await host.must(`printf '#!/bin/sh\\n[ -e /run/stalled ] || { : >/run/stalled; sleep 12; }\\n' >/usr/local/sbin/restorecon; chmod 755 /usr/local/sbin/restorecon`);
  expect(await outcome('--undo-after', '5s')).toMatchObject({ outcome: 'rolled-back' });
  await host.must('rm -f /usr/local/sbin/restorecon /run/stalled');
  expect(await host.must('cat /var/lib/ensign/transactions/*/log')).toContain('which is still changing files');
  expect(await host.must(SNAPSHOT)).toBe(before);
});

test('a port that sshd has not loaded yet is refused: the reload would move it', async () => {
  await host.must('echo Port 2222 >/etc/ssh/sshd_config.d/10-later.conf');
  expect(await outcome()).toMatchObject({ outcome: 'failed', code: 'host/pending-configuration' });
  await host.must('rm /etc/ssh/sshd_config.d/10-later.conf');
  expect(await host.must(SNAPSHOT)).toBe(before);
});

test('an abandoned change whose watchdog is gone as well is undone by the next apply, which then goes on', async () => {
  await killedInTheMiddle(workspace, host, STAGING, '5s');
  // the worst case: the timer is gone, and an undo died in the middle
  await host.must('systemctl stop "ensign-undo-*.timer"; cd /var/lib/ensign/transactions/*; mv armed rolling-back; echo 999999 >rolling-back; echo 1 >deadline; rm /etc/ssh/sshd_config.d/00-ensign.conf');
  expect(await outcome()).toMatchObject({ outcome: 'changed', summary: '3 certificates, 4 files; logins proved: root, deploy' });
  expect(await host.must('ls -A /var/lib/ensign; ls /etc/systemd/system | grep ensign || true')).toBe('mutex\nstate.json\ntransactions\n');
});
