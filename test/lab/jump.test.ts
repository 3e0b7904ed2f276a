import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inventoryText, reported, reportOf, snapshot } from './support/fleet.ts';
import type { LabHost } from './support/host.ts';
import { OPERATOR_ADDRESS } from './support/namespace.ts';
import { useLab } from './support/use-lab.ts';
import { fingerprintOf, makeWorkspace, type TestWorkspace } from './support/workspace.ts';

// operator -> outer -> inner -> app. To everybody but the one before it in the chain a host has no route at all.
const lab = useLab();
let workspace: TestWorkspace;
let outer: LabHost;
let inner: LabHost;
let app: LabHost;
const STAGING = 'inventories/staging.yaml';

beforeAll(async () => {
  [outer, inner, app] = (await Promise.all(['outer', 'inner', 'app'].map((name) => lab.addHost({ name: `${name}.stg.lab.test` })))) as [LabHost, LabHost, LabHost];
  await unreachableFrom(inner, OPERATOR_ADDRESS);
  await unreachableFrom(app, OPERATOR_ADDRESS, outer.address);
  workspace = await makeWorkspace(lab);
  await writeInventory('{ root: [sre], deploy: [sre] }');
});

afterAll(async () => {
  await Promise.all([outer, inner, app].map((host) => lab.removeHost(host)));
  workspace.remove();
});

/** From now on the host drops every answer to these addresses. */
async function unreachableFrom(host: LabHost, ...addresses: readonly string[]): Promise<void> {
  await host.must('for address; do ip route replace blackhole "$address/32"; done', { args: addresses });
}

/** The jump hosts are no hosts of this inventory, and have keys of their own in it. */
async function writeInventory(logins: string, settings: { readonly outerKey?: string; readonly innerUser?: string } = {}): Promise<void> {
  const hop = (host: LabHost, user: string, key: string): string => `{ address: ${host.address}, user: ${user}, identityFile: ${lab.operatorKey}, hostKey: "${key}", connectTimeout: 5s }`;
  const chain = [hop(outer, 'ops', settings.outerKey ?? (await fingerprintOf(lab, outer))), hop(inner, settings.innerUser ?? 'ops', await fingerprintOf(lab, inner))];
  const defaults = `user: ops, become: sudo, identityFile: ${lab.operatorKey}, connectTimeout: 5s, jump: [${chain.join(', ')}]`;
  workspace.write(STAGING, inventoryText('staging', defaults, { [app.name]: `address: ${app.address}, hostKey: "${await fingerprintOf(lab, app)}"` }, logins));
}

/** How many logins the sshd of a host has let in since it was started. */
async function logins(host: LabHost): Promise<number> {
  return Number(await host.must('journalctl -u ssh --no-pager -o cat | grep -c "^Accepted " || :'));
}

describe('a host behind two jump hosts', () => {
  test('is out of reach without them', async () => {
    const { hosts } = await reported(workspace, 'plan', '-i', STAGING, '--jump', 'none');
    expect(hosts).toMatchObject([{ status: 'unreachable', error: { code: 'ssh/timeout' } }]);
  });

  test('is planned', async () => {
    expect(await reported(workspace, 'plan', '-i', STAGING, '--exit-code')).toMatchObject({ code: 3, stderr: '', hosts: [{ status: 'change' }] });
  });

  test('is changed with proof, by one login to each jump host', async () => {
    const before = [await logins(outer), await logins(inner)];
    const { code, hosts } = await reported(workspace, 'apply', '-i', STAGING, '--yes');
    expect(hosts).toMatchObject([{ outcome: 'changed', summary: '3 certificates, 4 files; logins proved: root, deploy' }]);
    expect(code).toBe(0);
    expect([await logins(outer), await logins(inner)]).toEqual(before.map((count) => count + 1));
  });

  test('is left alone by a second apply, and is good in status', async () => {
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'unchanged' }] });
    expect(await workspace.ensign('status', '-i', STAGING)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^app\.stg\.lab\.test +good/m) as string });
  });

  test('leaves no session behind on the jump hosts', async () => {
    for (const host of [outer, inner]) await host.must('until ! pgrep -f "^sshd: ops"; do sleep 0.05; done >/dev/null');
  });

  test('is known by its certificate where nobody knows its key, by a scan on the same way', async () => {
    const known = workspace.read(STAGING);
    workspace.write(STAGING, known.replace(/(app\.stg.*), hostKey: "[^"]*"/, '$1'));
    expect(await reported(workspace, 'plan', '-i', STAGING)).toMatchObject({ code: 0, hosts: [{ status: 'unchanged' }] });
    workspace.write(STAGING, known);
  });
});

describe('a jump host in trouble is named, with what to do', () => {
  test('its key has changed', async () => {
    const other = await fingerprintOf(lab, app);
    await writeInventory('{ root: [sre] }', { outerKey: other });
    const { code, hosts } = await reported(workspace, 'apply', '-i', STAGING, '--yes');
    expect(hosts).toMatchObject([{ outcome: 'failed', code: 'ssh/host-key-changed', summary: expect.stringContaining(`jump host ${outer.address}: ${outer.address} shows ssh-ed25519`) as string }]);
    expect(hosts[0]?.summary).toContain(`the inventory pins ${other}`);
    expect(code).toBe(4);
  });

  test('it does not let us in, and is asked once', async () => {
    await writeInventory('{ root: [sre] }', { innerUser: 'nobody' });
    const since = await inner.must('date "+%Y-%m-%d %H:%M:%S"');
    expect(await reported(workspace, 'plan', '-i', STAGING)).toMatchObject({ code: 4, hosts: [{ status: 'failed', error: { code: 'ssh/auth-failed', message: `jump host ${inner.address}: ${inner.address} does not let nobody log in` } }] });
    expect(await inner.must('journalctl -u ssh --since "$1" --no-pager -o cat | grep -c "authenticating user nobody" || :', { args: [since.trim()] })).toBe('1\n');
  });

  test('it forbids forwarding', async () => {
    await writeInventory('{ root: [sre] }');
    await inner.must('echo "AllowTcpForwarding no" >/etc/ssh/sshd_config.d/forward.conf; systemctl reload ssh');
    expect(await reported(workspace, 'plan', '-i', STAGING)).toMatchObject({ code: 5, hosts: [{ status: 'unreachable', error: { code: 'ssh/forward-refused', message: expect.stringContaining(`jump host ${inner.address} does not forward to ${app.address}:22`) as string, hint: expect.stringContaining('AllowTcpForwarding') as string } }] });
    await inner.must('rm /etc/ssh/sshd_config.d/forward.conf; systemctl reload ssh');
  });

  test('it is down', async () => {
    await inner.cutLink();
    expect(await reported(workspace, 'plan', '-i', STAGING)).toMatchObject({ code: 5, hosts: [{ status: 'unreachable', error: { code: 'ssh/timeout', message: expect.stringContaining(`jump host ${inner.address}: `) as string } }] });
    await inner.restoreLink();
  });
});

describe('a jump host that dies in the middle of a change', () => {
  // root's login, which is the last of the proof, waits: the proof cannot be faster than the power cut
  beforeAll(() => app.writeFile('/etc/ssh/sshrc', 'if ls /var/lib/ensign/transactions/*/armed >/dev/null 2>&1; then until [ -e /run/go ]; do sleep 0.05; done; fi\n'));

  test('and comes back: the host has undone the change, says so, and the next apply makes it', async () => {
    await writeInventory('{ root: [sre, oncall] }');
    const before = await snapshot(app);
    const report = await killedWhenArmed('20s');
    await outer.powerOn();
    const { code, hosts } = await report();
    expect(hosts).toMatchObject([{ outcome: 'rolled-back', code: 'host/lost' }]);
    expect(code).toBe(4);
    expect(await snapshot(app)).toBe(before);
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed' }] });
  });

  test('and stays away: nobody knows, and that is what is said; the next apply repairs', async () => {
    await writeInventory('{ root: [sre, admins] }');
    const before = await snapshot(app);
    const report = await killedWhenArmed('5s');
    const { code, hosts } = await report();
    expect(hosts).toMatchObject([{ outcome: 'unknown', hint: expect.stringContaining('ensign status') as string }]);
    expect(code).toBe(4);
    await outer.powerOn();
    expect(await snapshot(app)).toBe(before);
    expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed' }] });
  });

  /** Applies, cuts the power of the first jump host when the change is armed on the host, and gives what apply reports in the end. */
  async function killedWhenArmed(undoAfter: string): Promise<() => Promise<ReturnType<typeof reportOf>>> {
    await app.must('rm -f /run/go');
    const child = workspace.start('apply', '-i', STAGING, '--yes', '--json', '--undo-after', undoAfter);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    await app.must('until ls /var/lib/ensign/transactions/*/armed; do sleep 0.01; done 2>/dev/null');
    await outer.powerOff();
    await app.must('touch /run/go');
    return async () => reportOf({ code: (await ended) ?? -1, stdout, stderr });
  }
});
