import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectRefused, inventoryText, issuedCount, reported, snapshot } from './support/fleet.ts';
import type { LabHost } from './support/host.ts';
import { useLab } from './support/use-lab.ts';
import { makeWorkspace, type TestWorkspace } from './support/workspace.ts';

const lab = useLab();
let workspace: TestWorkspace;
let original: LabHost;
let clone: LabHost;
let database: LabHost;
const STAGING = 'inventories/staging.yaml';
const PRODUCTION = 'inventories/production.yaml';

beforeAll(async () => {
  [original, clone, database] = await Promise.all(['db.stg.lab.test', 'copy.stg.lab.test', 'db.prd.lab.test'].map((name) => lab.addHost({ name })) as [Promise<LabHost>, Promise<LabHost>, Promise<LabHost>]);
  workspace = await makeWorkspace(lab);
  const keys = await original.must('tar -C /etc/ssh -c $(cd /etc/ssh; ls -d ssh_host_*) | base64');
  await clone.must('base64 -d | tar -C /etc/ssh -x; systemctl restart ssh', { input: keys });
  inventory([original, clone]);
});

afterAll(async () => {
  await Promise.all([original, clone, database].map((host) => lab.removeHost(host)));
  workspace.remove();
});

const DEFAULTS = (): string => `user: ops, become: sudo, identityFile: ${lab.operatorKey}, firstContact: accept-new`;

function inventory(hosts: readonly LabHost[]): void {
  workspace.write(STAGING, inventoryText('staging', DEFAULTS(), Object.fromEntries(hosts.map((host) => [host.name, `address: ${host.address}`]))));
}

test('row 25: two hosts with one cloned key that nobody has seen before are both refused by plan, each naming the other', async () => {
  const { code, hosts } = await reported(workspace, 'plan', '-i', STAGING);
  expect(code).toBe(4);
  expect(hosts.map((h) => h.status)).toEqual(['refused', 'refused']);
  expect(hosts[0]?.refusals?.[0]).toMatchObject({ code: 'host/key-taken', message: expect.stringContaining(`staging/${clone.name}`) as string });
  expect(hosts[1]?.refusals?.[0]).toMatchObject({ code: 'host/key-taken', message: expect.stringContaining(`staging/${original.name}`) as string });
});

test('row 25: both stay refused in an apply that shows its plan first: there is nothing to agree to', async () => {
  const before = await Promise.all([original, clone].map(snapshot));
  const { code, stdout } = await workspace.atTerminal('apply', '-i', STAGING);
  expect(stdout).not.toMatch(/Change \d/);
  expect(stdout.match(/^(?:db|copy)\.stg\.lab\.test +failed /gm)?.length).toBe(2);
  expect(code).toBe(4);
  expect(await Promise.all([original, clone].map(snapshot))).toEqual(before);
});

test('row 25: apply without a plan gives the key to one of them at most', async () => {
  const { code, hosts } = await reported(workspace, 'apply', '-i', STAGING, '--yes');
  expect(code).toBe(4);
  const outcomes = hosts.map((h) => h.outcome);
  expect(outcomes.filter((o) => o === 'changed').length).toBeLessThanOrEqual(1);
  const refused = hosts.filter((h) => h.outcome === 'failed');
  expect(refused.map((h) => h.code).every((c) => c === 'ca/key-taken' || c === 'host/key-taken')).toBe(true);
  expect(refused.length).toBeGreaterThanOrEqual(1);
});

test('row 25: a clone of a host under the authority is refused at plan, at apply and by the CA itself, naming both', async () => {
  await workspace.ensign('ca', 'forget', `staging/${clone.name}`, '--yes');
  await clone.must('rm -rf /etc/ssh/ensign /etc/ssh/sshd_config.d/00-ensign.conf /var/lib/ensign; systemctl reload ssh');
  inventory([original]);
  expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0 });
  inventory([original, clone]);
  const refused = await expectRefused(workspace, clone, STAGING, 'host/key-taken');
  expect(refused.summary).toContain(`belongs to staging/${original.name}`);
  expect(refused.hint).toContain(`ensign ca forget staging/${original.name}`);
  const issued = issuedCount(workspace);
  const file = workspace.write('clone.pub', `${(await clone.hostKeys()).ed25519}\n`);
  const signed = await workspace.ensign('ca', 'sign', '--profile', 'host', '--host-id', `staging/${clone.name}`, '--principal', clone.name, file);
  expect(signed.code).toBe(6);
  expect(signed.stderr).toContain('[ca/key-taken]');
  expect(signed.stderr).toContain(`staging/${clone.name}`);
  expect(signed.stderr).toContain(`staging/${original.name}`);
  expect(issuedCount(workspace)).toBe(issued);
});

test("row 25: production cannot take staging's name, at plan, at apply and at issue", async () => {
  workspace.write(PRODUCTION, inventoryText('production', DEFAULTS(), { [database.name]: `address: ${database.address}, names: [${original.name}]` }));
  const refused = await expectRefused(workspace, database, PRODUCTION, 'host/name-taken');
  expect(refused.summary).toContain(`the name ${original.name} belongs to staging/${original.name}`);
  const file = workspace.write('database.pub', `${(await database.hostKeys()).ed25519}\n`);
  const signed = await workspace.ensign('ca', 'sign', '--profile', 'host', '--host-id', `production/${database.name}`, '--principal', original.name, file);
  expect(signed).toMatchObject({ code: 6, stderr: expect.stringContaining('[ca/name-taken]') as string });
});

test('row 25: the short name, which nobody asked for, is left out where staging has it', async () => {
  workspace.write(PRODUCTION, inventoryText('production', DEFAULTS(), { [database.name]: `address: ${database.address}` }));
  const plan = await reported(workspace, 'plan', '-i', PRODUCTION);
  expect(plan).toMatchObject({ code: 0, hosts: [{ status: 'change', notices: [{ code: 'host/short-name-taken', message: expect.stringContaining(`belongs to staging/${original.name}`) as string }] }] });
  expect(await reported(workspace, 'apply', '-i', PRODUCTION, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed' }] });
  const { stdout } = await workspace.ensign('scan', database.name, '--json');
  expect(JSON.parse(stdout)).toMatchObject({ hosts: [{ certificate: { principals: [database.name, database.address] } }] });
});

test('row 25: what a machine that is gone has held is free after `ca forget`, which the ledger tells', async () => {
  const before = await snapshot(clone);
  expect(await workspace.ensign('ca', 'forget', `staging/${original.name}`)).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') as string });
  expect(await workspace.ensign('ca', 'forget', `staging/${original.name}`, '--yes', '--reason', 'scrapped')).toMatchObject({ code: 0, stdout: expect.stringContaining(original.name) as string });
  expect(await snapshot(clone)).toBe(before);
  inventory([clone]);
  expect(await reported(workspace, 'apply', '-i', STAGING, '--yes')).toMatchObject({ code: 0, hosts: [{ outcome: 'changed' }] });
  inventory([original, clone]);
  expect((await expectRefused(workspace, original, STAGING, 'host/key-taken')).summary).toContain(`staging/${clone.name}`);
  expect((await workspace.ensign('ca', 'log')).stdout).toContain('claims-released');
  expect(await workspace.ensign('ca', 'verify-log')).toMatchObject({ code: 0 });
});
