import { describe, expect, it, vi } from 'vitest';
import { hostKeyCheck, type HostKeyPolicy, sameKeyCheck } from '../../../src/ssh/host-keys.ts';
import { parseKnownHosts } from '../../../src/ssh/known-hosts.ts';
import { fingerprint, formatPublicKeyLine } from '../../../src/wire/public-key.ts';
import { ecKey, ed25519Key } from '../wire/keys.ts';

const A = ed25519Key().key;
const B = ed25519Key().key;
const EC = ecKey('P-256').key;
const [LINE_A, LINE_B, LINE_EC] = [A, B, EC].map((key) => formatPublicKeyLine(key));

function policy(text: string, more: Partial<HostKeyPolicy> = {}): HostKeyPolicy {
  return { names: ['web', '10.0.0.9'], port: 22, knownHosts: parseKnownHosts(text, 'kh'), firstContact: 'known-hosts', ...more };
}

/** What the check says about key A: how it was accepted, or the code of the refusal. */
function verdict(text: string, more: Partial<HostKeyPolicy> = {}): string {
  const result = hostKeyCheck(policy(text, more))(A);
  return result.accepted ? result.how : result.error.code;
}

describe('known_hosts', () => {
  it.each<[what: string, text: string, answer: string]>([
    ['the key under the name', `web ${LINE_A ?? ''}`, 'known-hosts'],
    ['the key under the address', `10.0.0.9 ${LINE_A ?? ''}`, 'known-hosts'],
    ['one of several keys', `web ${LINE_B ?? ''}\nweb ${LINE_A ?? ''}`, 'known-hosts'],
    ['nothing', '', 'ssh/host-key-unknown'],
    ['another host only', `db ${LINE_A ?? ''}`, 'ssh/host-key-unknown'],
    ['only an authority', `@cert-authority web ${LINE_A ?? ''}`, 'ssh/host-key-unknown'],
    ['another key', `web ${LINE_B ?? ''}`, 'ssh/host-key-changed'],
    ['a key of another type: a downgrade must not look like a first contact', `web ${LINE_EC ?? ''}`, 'ssh/host-key-changed'],
    ['another key under a pattern', `w* ${LINE_B ?? ''}`, 'ssh/host-key-changed'],
    ['another key under the name, ours under the address: the name decides', `10.0.0.9 ${LINE_A ?? ''}\nweb ${LINE_B ?? ''}`, 'ssh/host-key-changed'],
    ['ours under the name, an old one under the address', `10.0.0.9 ${LINE_B ?? ''}\nweb ${LINE_A ?? ''}`, 'known-hosts'],
    ['revoked', `web ${LINE_A ?? ''}\n@revoked web ${LINE_A ?? ''}`, 'ssh/host-key-revoked'],
    ['revoked for the address', `web ${LINE_A ?? ''}\n@revoked 10.* ${LINE_A ?? ''}`, 'ssh/host-key-revoked'],
    ['revoked, though unknown', `@revoked * ${LINE_A ?? ''}`, 'ssh/host-key-revoked'],
    ['revoked for another host', `web ${LINE_A ?? ''}\n@revoked db ${LINE_A ?? ''}`, 'known-hosts'],
    ['another key revoked', `web ${LINE_A ?? ''}\n@revoked web ${LINE_B ?? ''}`, 'known-hosts'],
  ])('%s', (_what, text, answer) => {
    expect(verdict(text)).toBe(answer);
  });

  it('for another port counts the port first', () => {
    const port = 2222;
    expect(verdict(`[web]:2222 ${LINE_A ?? ''}`, { port })).toBe('known-hosts');
    expect(verdict(`[web]:2222 ${LINE_B ?? ''}\nweb ${LINE_A ?? ''}`, { port })).toBe('ssh/host-key-changed');
    expect(verdict(`web ${LINE_A ?? ''}`, { port })).toBe('known-hosts');
    // another daemon on the machine may well have another key
    expect(verdict(`web ${LINE_B ?? ''}`, { port })).toBe('ssh/host-key-unknown');
    expect(verdict(`[web]:2222 ${LINE_A ?? ''}`)).toBe('ssh/host-key-unknown');
    expect(verdict(`[web]:2222 ${LINE_A ?? ''}\n@revoked web ${LINE_A ?? ''}`, { port })).toBe('ssh/host-key-revoked');
  });
});

describe('a pinned fingerprint', () => {
  it('decides alone', () => {
    expect(verdict('', { firstContact: 'pinned', pinned: fingerprint(A) })).toBe('pinned');
    expect(verdict(`web ${LINE_B ?? ''}`, { firstContact: 'pinned', pinned: fingerprint(A) })).toBe('pinned');
    expect(verdict(`web ${LINE_A ?? ''}`, { firstContact: 'pinned', pinned: fingerprint(B) })).toBe('ssh/host-key-changed');
  });

  it('is not overruled by accept-new', () => {
    expect(verdict('', { firstContact: 'accept-new', pinned: fingerprint(B) })).toBe('ssh/host-key-changed');
  });

  it('does not help a revoked key', () => {
    expect(verdict(`@revoked web ${LINE_A ?? ''}`, { firstContact: 'pinned', pinned: fingerprint(A) })).toBe('ssh/host-key-revoked');
  });

  it('that is missing refuses everything', () => {
    expect(verdict(`web ${LINE_A ?? ''}`, { firstContact: 'pinned' })).toBe('ssh/host-key-unknown');
  });
});

describe('accept-new', () => {
  it('accepts the first key that is seen, and reports it', () => {
    const onFirstContact = vi.fn();
    expect(verdict('', { firstContact: 'accept-new', onFirstContact })).toBe('first-contact');
    expect(onFirstContact.mock.calls).toEqual([[A]]);
  });

  it('accepts no changed and no revoked key, and reports no known one', () => {
    const onFirstContact = vi.fn();
    const more = { firstContact: 'accept-new', onFirstContact } as const;
    expect(verdict(`web ${LINE_B ?? ''}`, more)).toBe('ssh/host-key-changed');
    expect(verdict(`web ${LINE_EC ?? ''}`, more)).toBe('ssh/host-key-changed');
    expect(verdict(`@revoked web ${LINE_A ?? ''}`, more)).toBe('ssh/host-key-revoked');
    expect(verdict(`web ${LINE_A ?? ''}`, more)).toBe('known-hosts');
    expect(onFirstContact).not.toHaveBeenCalled();
  });
});

describe('a refusal tells what to do next (attacks row 20)', () => {
  it('names the lines and both fingerprints of a changed key', () => {
    const result = hostKeyCheck(policy(`# x\nweb ${LINE_B ?? ''}\nweb ${LINE_EC ?? ''}`))(A);
    if (result.accepted) throw new Error('accepted');
    expect(result.error.at).toEqual({ file: 'kh', line: 2 });
    for (const part of [fingerprint(A), fingerprint(B), fingerprint(EC), 'kh:2', 'kh:3']) expect(result.error.message).toContain(part);
    expect(result.error.hint).toContain('line 2 of kh, line 3 of kh');
    expect(result.error.exit).toBe(4);
  });

  it('gives the line for the inventory where a key is unknown', () => {
    const result = hostKeyCheck(policy(''))(A);
    if (result.accepted) throw new Error('accepted');
    expect(result.error.hint).toContain(`hostKey: "${fingerprint(A)}"`);
  });
});

describe('sameKeyCheck', () => {
  it('takes the key that was verified before, and no other', () => {
    expect(sameKeyCheck(A)(A)).toEqual({ accepted: true, how: 'same-key' });
    expect(sameKeyCheck(B)(A)).toMatchObject({ accepted: false, error: { code: 'ssh/host-key-changed' } });
  });
});
