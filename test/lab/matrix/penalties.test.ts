import { afterAll, beforeAll, expect, test } from 'vitest';
import { inventoryText, reported } from '../support/fleet.ts';
import type { LabHost } from '../support/host.ts';
import { useLab } from '../support/use-lab.ts';
import { fingerprintOf, makeWorkspace, type TestWorkspace } from '../support/workspace.ts';

const lab = useLab();
const STAGING = 'inventories/staging.yaml';
let host: LabHost;
let workspace: TestWorkspace;

beforeAll(async () => {
  host = await lab.addHost({ name: 'strict-01.stg.lab.test' });
  workspace = await makeWorkspace(lab);
  workspace.write(STAGING, inventoryText('staging', `user: ops, become: sudo, identityFile: ${lab.operatorKey}, connectTimeout: 4s`, { [host.name]: `address: ${host.address}, hostKey: "${await fingerprintOf(lab, host)}"` }));
});

afterAll(async () => {
  await lab.removeHost(host);
  workspace.remove();
});

test('somebody else at our address fails to log in: where that shuts us out it is told as such, and ends by itself', async () => {
  const penalties = /^persourcepenalties /im.test(await host.must('sshd -T'));
  const stranger = `${workspace.home}/stranger`;
  await lab.exec(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', stranger]);
  await Promise.all(Array.from({ length: 8 }, () => workspace.ssh(['-i', stranger, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'], `ops@${host.name}`, 'true')));
  const [found] = (await reported(workspace, 'plan', '-i', STAGING)).hosts;
  if (penalties) {
    expect(found).toMatchObject({ status: 'unreachable', error: { code: 'ssh/penalized', hint: expect.stringContaining('PerSourcePenaltyExemptList') as string } });
    // a scan speaks at once, and the reset that this may bring can overtake what the host says
    const codes = [await scanCode(), await scanCode(), await scanCode(), await scanCode()];
    expect(codes).toContain('ssh/penalized');
    expect(codes.filter((code) => code !== 'ssh/penalized' && code !== 'ssh/dropped')).toEqual([]);
  }
  // our own tries have added nothing to it
  await expect.poll(async () => (await reported(workspace, 'plan', '-i', STAGING)).hosts[0]?.status, { timeout: 150_000, interval: 1000 }).toBe('change');
});

async function scanCode(): Promise<string | undefined> {
  const { stdout } = await workspace.ensign('scan', host.name, '--timeout', '5s', '--json');
  return (JSON.parse(stdout) as { hosts: { reason?: { code: string } }[] }).hosts[0]?.reason?.code;
}
