import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inventoryText, reported, reportOf, snapshot } from './support/fleet.ts';
import type { LabHost } from './support/host.ts';
import { useLab } from './support/use-lab.ts';
import { fingerprintOf, makeWorkspace, type TestWorkspace } from './support/workspace.ts';

const lab = useLab();
let workspace: TestWorkspace;
let hosts: readonly LabHost[];
const [A, B, C] = ['fleet-01.stg.lab.test', 'fleet-02.stg.lab.test', 'fleet-03.stg.lab.test'];
const STAGING = 'inventories/staging.yaml';

beforeAll(async () => {
  hosts = await Promise.all([A, B, C].map((name) => lab.addHost({ name })));
  workspace = await makeWorkspace(lab);
  await mapLogins('{ root: [sre] }');
});

afterAll(async () => {
  await Promise.all(hosts.map((host) => lab.removeHost(host)));
  workspace.remove();
});

/** Writes the inventory; other logins are a change that every host needs. */
async function mapLogins(logins: string): Promise<void> {
  const entries = await Promise.all(hosts.map(async (host) => [host.name, `address: ${host.address}, hostKey: "${await fingerprintOf(lab, host)}"`] as const));
  workspace.write(STAGING, inventoryText('staging', `user: ops, become: sudo, identityFile: ${lab.operatorKey}, connectTimeout: 3s`, Object.fromEntries(entries), logins));
}

function host(name: string): LabHost {
  const found = hosts.find((one) => one.name === name);
  if (found === undefined) throw new Error(name);
  return found;
}

describe('one of three hosts', () => {
  test('that is down: the others are done, everyone is reported, exit 5', async () => {
    await host(B).cutLink();
    const plan = await reported(workspace, 'plan', '-i', STAGING, '--exit-code');
    expect(plan.hosts.map((h) => h.status)).toEqual(['change', 'unreachable', 'change']);
    expect(plan.code).toBe(5);
    const { code, stdout } = await workspace.ensign('apply', '-i', STAGING, '--yes');
    expect(stdout).toMatch(/^fleet-01\.stg\.lab\.test +changed /m);
    expect(stdout).toMatch(/^fleet-02\.stg\.lab\.test +unreachable .*did not answer within 3 s \[ssh\/timeout\]/m);
    expect(stdout).toMatch(/^fleet-03\.stg\.lab\.test +changed /m);
    expect(stdout).toMatch(/^hint {2}fleet-02\.stg\.lab\.test: /m);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('3 hosts: 2 changed, 1 unreachable');
    expect(code).toBe(5);
    expect(await workspace.ensign('status', '-i', STAGING)).toMatchObject({ code: 5, stdout: expect.stringMatching(/^fleet-02\.stg\.lab\.test +unreachable/m) as string });
  });

  test('that is down, and another that refuses: exit 4', async () => {
    await host(C).must('sed -i "1i TrustedUserCAKeys /etc/ssh/other" /etc/ssh/sshd_config; systemctl reload ssh');
    const { code, hosts: found } = await reported(workspace, 'apply', '-i', STAGING, '--yes');
    expect(found).toMatchObject([{ outcome: 'unchanged' }, { outcome: 'unreachable' }, { outcome: 'failed', code: 'host/foreign-user-ca' }]);
    expect(code).toBe(4);
    await host(C).must('sed -i 1d /etc/ssh/sshd_config; systemctl reload ssh');
    await host(B).restoreLink();
  });

  test('that is held by somebody else: exit 6, with the name of who holds it', async () => {
    // alice has changed the host and is about to prove it
    await host(B).must(`cd /var/lib; mkdir -p -m 700 ensign ensign/transactions ensign/lock ensign/transactions/00aa00aa00aa00aa; cd ensign
      echo "alice@laptop, ensign apply" >lock/owner; echo 00aa00aa00aa00aa >lock/id
      echo $(($(date +%s) + 600)) >transactions/00aa00aa00aa00aa/deadline; : >transactions/00aa00aa00aa00aa/armed`);
    const before = await snapshot(host(B));
    const { code, hosts: found } = await reported(workspace, 'apply', '-i', STAGING, '--yes');
    expect(found).toMatchObject([{ outcome: 'unchanged' }, { outcome: 'failed', code: 'host/locked', summary: expect.stringContaining('alice@laptop') as string }, { outcome: 'unchanged' }]);
    expect(code).toBe(6);
    expect(await snapshot(host(B))).toBe(before);
    await host(B).must('rm -r /var/lib/ensign');
  });

  test('that was left out is done by the next apply alone, and then nothing is left to do', async () => {
    expect((await reported(workspace, 'apply', '-i', STAGING, '--yes')).hosts.map((h) => h.outcome)).toEqual(['unchanged', 'changed', 'unchanged']);
    expect(await workspace.ensign('plan', '-i', STAGING, '--exit-code')).toMatchObject({ code: 0, stdout: expect.stringContaining('3 hosts: 3 unchanged') as string });
    expect(await workspace.ensign('status', '-i', STAGING)).toMatchObject({ code: 0 });
  });
});

describe('a change for all three', () => {
  test('is pending: exit 3 from plan --exit-code and from status, 0 from plan', async () => {
    await mapLogins('{ root: [sre], deploy: [sre] }');
    expect(await workspace.ensign('plan', '-i', STAGING)).toMatchObject({ code: 0 });
    expect(await workspace.ensign('plan', '-i', STAGING, '--exit-code')).toMatchObject({ code: 3 });
    expect(await workspace.ensign('status', '-i', STAGING)).toMatchObject({ code: 3 });
  });

  test('that is interrupted finishes the host that it has begun, leaves the others, and ends with 130', async () => {
    const before = await Promise.all([B, C].map((name) => snapshot(host(name))));
    const child = workspace.start('apply', '-i', STAGING, '--yes', '--json', '--concurrency', '1');
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
    await host(A).must('until ls /var/lib/ensign/transactions/*/armed; do sleep 0.01; done 2>/dev/null');
    child.kill('SIGINT');
    const code = await exit;
    expect(reportOf({ code: code ?? -1, stdout, stderr })).toMatchObject({
      code: 130,
      hosts: [{ outcome: 'changed' }, { outcome: 'skipped', code: 'host/skipped' }, { outcome: 'skipped', code: 'host/skipped' }],
    });
    expect(await Promise.all([B, C].map((name) => snapshot(host(name))))).toEqual(before);
    expect(await host(A).must('ls -A /var/lib/ensign')).toBe('mutex\nstate.json\ntransactions\n');
  });

  test('plan and status that are interrupted end with 130 too', async () => {
    for (const command of ['plan', 'status']) {
      await host(B).cutLink();
      const child = workspace.start(command, '-i', STAGING, '--json', '--concurrency', '1');
      const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
      await untilConnected(host(A));
      child.kill('SIGINT');
      expect(await exit).toBe(130);
      await host(B).restoreLink();
    }
  });

  test('goes on where it stopped', async () => {
    const { code, hosts: found } = await reported(workspace, 'apply', '-i', STAGING, '--yes');
    expect(found.map((h) => h.outcome)).toEqual(['unchanged', 'changed', 'changed']);
    expect(code).toBe(0);
  });

  /** Returns when a login of ops is running on the host: the command is past its first host's connection. */
  async function untilConnected(on: LabHost): Promise<void> {
    await on.must('until pgrep -f "^sshd: ops@notty"; do sleep 0.01; done >/dev/null');
  }
});
