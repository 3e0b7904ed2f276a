import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { HostFacts } from '../../../src/host/facts.ts';
import { parseFacts } from '../../../src/host/parse-facts.ts';
import { splitSections } from '../../../src/host/probe-output.ts';
import { effectiveValue } from '../../../src/sshd/effective.ts';
import { plan } from './fixture.ts';

/** What fresh lab hosts answered to the probe: `npm run lab -- up --image IMAGE`, then templates/host/probe.sh as root with MK ops root deploy. */
const RECORDED = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.probe.txt')).map((name) => name.slice(0, -'.probe.txt'.length)).sort();
const THREE = ['ssh-rsa', 'ecdsa-sha2-nistp256', 'ssh-ed25519'];
const SERVICE = { kind: 'systemd', unit: 'ssh.service' };

const EXPECTED: readonly { readonly name: string; readonly version: string; readonly keys: readonly string[]; readonly reload: unknown; readonly penalties: boolean; readonly client: boolean }[] = [
  { name: 'bookworm', version: '9.2', keys: THREE, reload: SERVICE, penalties: false, client: true },
  { name: 'bullseye', version: '8.4p1', keys: THREE, reload: SERVICE, penalties: false, client: true },
  { name: 'sid', version: '10.6p1', keys: [...THREE, 'ssh-mldsa44-ed25519'], reload: SERVICE, penalties: true, client: false },
  { name: 'sysvinit', version: '9.2', keys: THREE, reload: { kind: 'signal', pid: expect.any(Number) as number }, penalties: false, client: true },
  { name: 'trixie', version: '10.0p2', keys: THREE, reload: SERVICE, penalties: true, client: true },
];

function factsOf(name: string): HostFacts {
  const sections = splitSections(readFileSync(new URL(`${name}.probe.txt`, import.meta.url), 'utf8'), 'MK');
  return parseFacts(sections, Number(sections.find((section) => section.name === 'clock')?.argument));
}

test('every recorded generation is expected, and the other way round', () => {
  expect(RECORDED).toEqual(EXPECTED.map(({ name }) => name));
});

describe.each(EXPECTED)('a host of $name', ({ name, version, keys, reload, penalties, client }) => {
  const facts = factsOf(name);

  test('is understood', () => {
    expect(facts.version?.text).toBe(version);
    expect(facts.hostKeys.map(({ key }) => key?.type)).toEqual(keys);
    expect(facts.reload).toEqual(reload);
    expect(facts.systemd).toBe(name !== 'sysvinit');
    expect(facts.sshdTest).toEqual({ exit: 0, stderr: [] });
    expect([...facts.effectiveFor.keys()]).toEqual(['ops', 'root', 'deploy']);
    expect(facts.accounts.size).toBe(3);
    expect(facts.tools.has('ssh')).toBe(client);
    expect(facts.tools.has('ssh-keygen')).toBe(true);
  });

  test('says in its own spelling what sshd would do', () => {
    for (const config of [facts.effective, ...facts.effectiveFor.values()]) {
      expect(effectiveValue(config, 'permitrootlogin')).toMatch(/^(?:without-password|prohibit-password)$/);
      expect(effectiveValue(config, 'persourcepenalties') !== undefined).toBe(penalties);
    }
  });

  test('gets this plan', async () => {
    const { changes, refusals, notices, provable } = plan(facts);
    const lines = [
      ...refusals.map(({ code, message }) => `refused ${code}: ${message}`),
      ...notices.map(({ code, message }) => `note ${code}: ${message}`),
      ...changes.map((change) => (change.kind === 'file' ? `${change.path} ${change.mode}: ${change.why}\n${(change.after ?? '').replace(/^/gm, '    ').trimEnd()}` : `${change.path}: ${change.why} (${change.key.type})`)),
      ...provable.map(({ login, principal }) => `proof: ${login} as ${principal}`),
    ];
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`./${name}.plan.txt`);
  });
});
