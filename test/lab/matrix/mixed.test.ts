import { afterAll, beforeAll, expect, test } from 'vitest';
import { inventoryText, reported } from '../support/fleet.ts';
import type { LabHost } from '../support/host.ts';
import { GENERATIONS } from '../support/images.ts';
import { useLab } from '../support/use-lab.ts';
import { fingerprintOf, makeWorkspace, type TestWorkspace } from '../support/workspace.ts';

const lab = useLab();
const STAGING = 'inventories/staging.yaml';
let hosts: LabHost[] = [];
let workspace: TestWorkspace;

beforeAll(async () => {
  hosts = await Promise.all(GENERATIONS.map((image) => lab.addHost({ name: `${image}.stg.lab.test`, image })));
  workspace = await makeWorkspace(lab);
  const entries = await Promise.all(hosts.map(async (host) => [host.name, `address: ${host.address}, hostKey: "${await fingerprintOf(lab, host)}"`]));
  workspace.write(STAGING, inventoryText('staging', `user: ops, become: sudo, identityFile: ${lab.operatorKey}`, Object.fromEntries(entries) as Record<string, string>));
});

afterAll(async () => {
  await Promise.all(hosts.map((host) => lab.removeHost(host)));
  workspace.remove();
});

const outcomes = (report: { readonly hosts: readonly { readonly name: string; readonly outcome?: string }[] }): unknown => Object.fromEntries(report.hosts.map(({ name, outcome }) => [name, outcome]));
const all = (outcome: string): unknown => Object.fromEntries(hosts.map(({ name }) => [name, outcome]));

test('one run brings four generations under one authority, and a second one changes nothing', async () => {
  const first = await reported(workspace, 'apply', '-i', STAGING, '--yes');
  expect(outcomes(first)).toEqual(all('changed'));
  expect(first.hosts.map(({ summary }) => summary)).toEqual(Array(hosts.length).fill('3 certificates, 4 files; logins proved: root, deploy'));
  expect(outcomes(await reported(workspace, 'apply', '-i', STAGING, '--yes'))).toEqual(all('unchanged'));
});

test('one line of known_hosts and one certificate open all of them to the stock client', async () => {
  const { stdout } = await workspace.ensign('known-hosts', '-i', STAGING);
  const knownHosts = workspace.write('laptop_known_hosts', stdout);
  const key = `${workspace.home}/sre`;
  await lab.exec(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
  expect(await workspace.ensign('ca', 'sign', '--profile', 'user', '--environment', 'staging', '--principal', 'sre', `${key}.pub`)).toMatchObject({ code: 0 });
  for (const host of hosts) {
    const said = await workspace.ssh(['-i', key, '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${knownHosts}`], `root@${host.name}`, 'hostname');
    expect(said).toEqual({ code: 0, stdout: `${host.name}\n`, stderr: '' });
  }
});
