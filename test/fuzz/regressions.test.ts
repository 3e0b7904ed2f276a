import { describe, expect, it } from 'vitest';
import { COUNTS, loadFound } from './corpus.ts';
import { outcomeOf } from './outcome.ts';
import { allTargets } from './targets.ts';

const targets = allTargets();
// what each finding did is in its name; this is what it has to come to
const OUTCOMES: Readonly<Record<string, string>> = {
  'agent/found-cut-answer': 'ssh/agent',
  'ca-key/found-rounds-of-billions': 'ca/bad-key-file',
  'inventory/found-colons-without-commas': 'inventory/yaml',
  'inventory/found-nesting-that-ends-the-process': 'inventory/yaml',
  'kex-reply/found-share-too-small': 'bad share',
  'private-key/found-base64-behind-its-end': 'ssh/key-unreadable',
  'private-key/found-damaged-head': 'ssh/key-passphrase-wrong',
  'private-key/found-ec-halves-of-two-keys': 'ssh/key-unreadable',
  'private-key/found-junk-in-base64': 'ssh/key-unreadable',
  'private-key/found-no-newline-at-the-end': 'accepted',
  'private-key/found-rsa-numbers-that-do-not-fit': 'ssh/key-unreadable',
  'probe/found-clock-that-is-no-number': 'refused',
  'probe/found-host-key-path-with-a-space': 'accepted',
  'sshd-config/found-range-that-counts-down': 'always',
  'workspace/found-alias-of-nothing': 'config/syntax',
  'workspace/found-aliases-of-aliases': 'config/syntax',
  'workspace/found-nesting-that-ends-the-process': 'config/syntax',
};
const found = targets.flatMap((target) => loadFound(target.name).map(({ name, bytes }) => ({ target, name: `${target.name}/${name}`, bytes })));

describe('row 3: what fuzzing has found once', () => {
  it.each(found)('$name', async ({ target, name, bytes }) => {
    expect(await outcomeOf(target, bytes)).toEqual({ word: OUTCOMES[name] });
  });

  it('is all here', () => {
    expect(found.map(({ name }) => name).sort()).toEqual(Object.keys(OUTCOMES).sort());
    expect(found).toHaveLength(Object.values(COUNTS).reduce((sum, count) => sum + count.found, 0));
  });
});

describe('the sound inputs', () => {
  it.each(targets.map((target) => [target.name, target] as const))('of %s are taken', async (name, target) => {
    expect(target.seeds.length).toBeGreaterThan(0);
    const words = [];
    for (const seed of target.seeds) words.push(await outcomeOf(target, seed));
    // keys that are not the authority's, answers of agents that refuse, and recorded exchanges are sound and refused
    const refused = { 'ca-key': 'ca/key-mismatch', scan: 'ssh/', agent: 'ssh/agent', state: 'none' }[name];
    const good = words.filter((outcome) => 'word' in outcome && (!outcome.word.includes('/') || (refused !== undefined && outcome.word.startsWith(refused))));
    expect(good).toEqual(words);
  });
});
