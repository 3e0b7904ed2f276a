import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SPECIALITIES } from '../../src/ssh/openssh-config.ts';
import { expandTokens, parseSshConfig, type SshConfigContext } from '../../src/ssh/ssh-config.ts';

const CONTEXT: SshConfigContext = { name: 'web', home: '/home/me', localUser: 'me' };

let folder: string;

beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'ensign-ssh-g-')); });
afterAll(() => rmSync(folder, { recursive: true }));

/** What the real client makes of a configuration. */
function asked(lines: readonly string[], name = 'web'): ReturnType<typeof parseSshConfig> {
  const file = join(folder, 'config');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return parseSshConfig(execFileSync('ssh', ['-G', '-F', file, '--', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 20_000 }), { ...CONTEXT, name });
}

// ssh turns what looks like a number into an address
const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const hostName = fc.array(word, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
// ssh_config has no way to write a quote, and reads % and ${ as tokens
const path = fc.stringMatching(/^\/[A-Za-z0-9_][A-Za-z0-9_ ./-]{0,30}[A-Za-z0-9_]$/);

describe('what is written into ssh_config comes out of ssh -G', () => {
  it('host name, port, login, keys, agent, timeout and ways', () => {
    fc.assert(
      fc.property(hostName, fc.integer({ min: 1, max: 65_535 }), word, fc.array(path, { minLength: 1, maxLength: 4 }), path, fc.integer({ min: 1, max: 9999 }), fc.array(hostName, { minLength: 1, maxLength: 3 }), (address, port, user, keys, agent, timeout, hops) => {
        const unique = [...new Set(keys)];
        const config = asked([`HostName ${address}`, `Port ${port}`, `User ${user}`, ...unique.map((key) => `IdentityFile "${key}"`), `IdentityAgent "${agent}"`, `ConnectTimeout ${timeout}`, `ProxyJump ${hops.join(',')}`]);
        expect(config).toMatchObject({ hostName: address, port, user, identityFiles: unique, identityAgent: agent, connectTimeout: timeout, proxyJump: hops });
      }),
      { numRuns: 40 },
    );
  });

  it('nothing written is nothing said', () => {
    const config = asked([]);
    expect(config).toMatchObject({ hostName: 'web', port: 22, identityFiles: [], proxyJump: [], proxyUseFdpass: false });
    expect(config).not.toHaveProperty('identityAgent');
    expect(config).not.toHaveProperty('connectTimeout');
    expect(config).not.toHaveProperty('proxyCommand');
  });

  it('tokens stand for what ssh puts there, and an unknown one takes its key away', () => {
    expect(asked(['HostName 10.0.0.1', 'Port 2222', 'User ops', 'IdentityFile ~/.ssh/%n_%h_%p_%r_%u_%%', 'IdentityFile %d/a', 'IdentityFile /k/%L', 'ProxyCommand nc %h %p'])).toMatchObject({
      identityFiles: ['/home/me/.ssh/web_10.0.0.1_2222_ops_me_%', '/home/me/a'],
      proxyCommand: 'nc %h %p',
    });
    expect(asked(['IdentityAgent none'])).toMatchObject({ identityAgent: 'none' });
    expect(asked(['IdentityAgent SSH_AUTH_SOCK'])).not.toHaveProperty('identityAgent');
  });

  it('only algorithms and hardware are taken over into a login', () => {
    const config = asked(['ProxyCommand evil', 'LocalCommand evil', 'PermitLocalCommand yes', 'IdentityFile /k', 'StrictHostKeyChecking no', 'Ciphers aes256-ctr', 'SecurityKeyProvider /p.so', 'PKCS11Provider /q.so', 'ForwardAgent yes']);
    const specialities = new Map(config?.specialities);
    expect(specialities.get('ciphers')).toBe('aes256-ctr');
    expect(specialities.get('securitykeyprovider')).toBe('/p.so');
    expect([...specialities.keys()].filter((keyword) => !SPECIALITIES.has(keyword))).toEqual([]);
    expect([...specialities.values()].filter((value) => /evil|\/k|\/q/.test(value))).toEqual([]);
  });
});

describe('any text at all', () => {
  it('is read without a crash, or taken for none', () => {
    const line = fc.oneof(fc.string(), fc.tuple(fc.constantFrom('hostname', 'port', 'user', 'identityfile', 'proxyjump', 'connecttimeout', 'identityagent'), fc.string()).map(([keyword, value]) => `${keyword} ${value}`));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const config = parseSshConfig(lines.join('\n'), CONTEXT);
        if (config === undefined) return;
        expect(config.hostName).not.toBe('');
        expect(config.port).toBeGreaterThanOrEqual(1);
        expect(config.port).toBeLessThanOrEqual(65_535);
      }),
      { numRuns: 2000 },
    );
  });

  it('tokens are replaced once and not again inside of what they stand for', () => {
    fc.assert(fc.property(fc.string(), (value) => {
      expect(expandTokens('a%hb%%h', { h: value })).toBe(`a${value}b%h`);
      expect(expandTokens(value.replaceAll('%', '%%'), {})).toBe(value);
    }));
    expect(expandTokens('%x', { h: 'y' })).toBeUndefined();
    expect(expandTokens('%', { h: 'y' })).toBeUndefined();
    expect(expandTokens('%__proto__', {})).toBeUndefined();
  });
});
