import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/errors.ts';
import { certAuthorityLines } from '../../src/client/known-hosts-block.ts';
import { completeScript, heredoc, shellFunction } from '../../src/host/script.ts';
import { principalsText } from '../../src/host/spec.ts';
import { loadInventory } from '../../src/inventory/load.ts';
import { formatKnownHostsLine } from '../../src/ssh/known-hosts-field.ts';
import { parseKnownHosts } from '../../src/ssh/known-hosts.ts';
import { clientConfig, type ClientConfig } from '../../src/ssh/openssh-config.ts';
import { quoteArgv } from '../../src/ssh/quote.ts';
import { directives, principalsPath } from '../../src/sshd/drop-in.ts';
import { renderTemplate } from '../../src/sshd/templates-adapter.ts';
import { ed25519Key } from '../unit/wire/keys.ts';

// attacks row 21: every line that is rendered from what a person typed is literal, or refused, and never executed

const PIECES = ['..', '/', ' ', '\n', '\r', '\t', '\0', '$(touch PWNED)', '`touch PWNED`', ';touch PWNED;', '|', '&', '>', '<', '*', '?', '!', '~', '#', '@', '%', '%u', '=', ',', ':', '\\', "'", '"', '[', ']', '-', '--', '-oProxyCommand=x', 'a', 'web', 'root', '\u0430', '\u2024', '\uff0e', '\u202e', '\u200b', '\u2028', '\u00a0', '\ud800', '${IFS}', '{{keyword}}'];
const hostile = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
// nearly sound, so that some get through the first check
const name = fc.oneof(hostile, fc.tuple(fc.constantFrom('web', 'a.b', '10.0.0.9', ''), fc.constantFrom(...PIECES), fc.constantFrom('', 'x', '.com')).map((parts) => parts.join('')), fc.constantFrom('web-01.example.com', '2001:db8::1'));
const KEY = ed25519Key().key;
const folder = mkdtempSync(join(tmpdir(), 'ensign-lines-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The value, or undefined where it was refused with a code. */
function orRefused<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

describe('row 21: names in an inventory', () => {
  const yaml = (host: string, login: string, principal: string): string => `version: 1\nenvironment: e\nhosts:\n  ${JSON.stringify(host)}:\n    logins: { ${JSON.stringify(login)}: [${JSON.stringify(principal)}] }\n`;

  it('are refused, or stand literally in known_hosts, in principals files and in their paths', () => {
    let taken = 0;
    fc.assert(
      fc.property(name, fc.oneof(hostile, fc.constant('deploy')), fc.oneof(hostile, fc.constant('sre')), (host, login, principal) => {
        const inventory = orRefused(() => loadInventory(yaml(host, login, principal), 'f'));
        const only = inventory?.hosts[0];
        if (only === undefined) return;
        taken += 1;
        const lines = certAuthorityLines([only], [KEY], 'ensign');
        const known = parseKnownHosts(`${lines.join('\n')}\n`, 'kh');
        expect([known.skipped, known.entries.length]).toEqual([[], 1]);
        expect([...(known.entries[0]?.field.literals ?? [])].sort()).toEqual([...new Set([...only.names, ...(only.shortName === undefined ? [] : [only.shortName])])].sort());
        for (const [user, principals] of only.logins) {
          expect(principalsPath(user)).toMatch(/^\/etc\/ssh\/ensign\/principals\/[a-z_][a-z0-9_.-]*$/);
          expect(principalsPath(user)).not.toContain('..');
          // sshd reads options in front of a principal, and comments: sshd(8), AuthorizedPrincipalsFile
          for (const line of principalsText(principals).trimEnd().split('\n')) expect(line).toMatch(/^[A-Za-z0-9_][^\s#"]*$/);
          expect(principalsText(principals).split('\n')).toHaveLength(principals.length + 1);
        }
      }),
      { numRuns: 3000, seed: 21 },
    );
    expect(taken).toBeGreaterThan(0);
  });
});

describe('row 21: single lines', () => {
  it('of known_hosts speak of exactly the name that was learned, or the name is refused', () => {
    fc.assert(
      fc.property(name, fc.constantFrom(22, 2222), hostile, (host, port, comment) => {
        const line = orRefused(() => formatKnownHostsLine([host], port, KEY, comment));
        if (line === undefined) return;
        const known = parseKnownHosts(`${line}\n`, 'kh');
        expect([known.skipped, known.entries.length]).toEqual([[], 1]);
        expect(known.entries[0]?.marker).toBe('none');
        expect(known.entries[0]?.field.literals).toEqual([port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`]);
      }),
      { numRuns: 3000, seed: 21 },
    );
  });

  it('of the drop-in are the directives that were meant, or refused', () => {
    fc.assert(
      fc.property(hostile, (path) => {
        const wanted = directives([`/etc/ssh/ensign/${path}-cert.pub`]);
        const text = orRefused(() => renderTemplate('host/drop-in.conf.hbs', { directives: wanted.map((d) => ({ ...d })) }));
        if (text === undefined) return;
        expect(text.trimEnd().split('\n').filter((line) => !line.startsWith('#'))).toEqual(wanted.map(({ keyword, value }) => `${keyword} ${value}`));
      }),
      { numRuns: 2000, seed: 21 },
    );
  });

  it('of the configuration for the stock client say to `ssh -G` what was meant, or are refused', { timeout: 120_000 }, () => {
    const file = join(folder, 'ssh_config');
    const base: ClientConfig = { user: 'ops', knownHostsFile: '/k', hostKeyTypes: ['ssh-ed25519'], controlSocket: '/c', agentSocket: '/a', identities: [], specialities: [], keepalive: 15 };
    let taken = 0;
    fc.assert(
      fc.property(hostile, fc.boolean(), (text, asUser) => {
        const path = `/home/ops/${text}`;
        const config = orRefused(() => clientConfig(asUser ? { ...base, user: text } : { ...base, identities: [{ path }] }));
        if (config === undefined) return;
        taken += 1;
        writeFileSync(file, config);
        const { stdout, stderr, status } = spawnSync('ssh', ['-G', '-F', file, 'ensign-host'], { encoding: 'utf8', timeout: 30_000 });
        expect([status, stderr]).toEqual([0, '']);
        const said = (keyword: string): string[] => stdout.split('\n').filter((line) => line.startsWith(`${keyword} `)).map((line) => line.slice(keyword.length + 1));
        expect(said('proxycommand')).toEqual(['-']);
        if (asUser) expect(said('user')).toEqual([text]);
        else expect(said('identityfile')).toEqual([path.replaceAll('%', '%%')]);
      }),
      { numRuns: 60, seed: 21 },
    );
    expect(taken).toBeGreaterThan(0);
  });
});

describe('row 21: words and texts for shells', () => {
  const SHELLS = ['/bin/sh', '/bin/bash', '/bin/dash', '/usr/bin/zsh', '/usr/bin/fish', '/usr/bin/tcsh', '/usr/bin/bsd-csh'].filter((shell) => existsSync(shell));

  it.each(SHELLS)('%s sees the words that were meant, or they are refused', { timeout: 60_000 }, (shell) => {
    const words = fc.sample(hostile, { seed: 21, numRuns: 400 }).filter((word) => orRefused(() => quoteArgv([word])) !== undefined);
    expect(words.length).toBeGreaterThan(100);
    const printed = execFileSync(shell, ['-c', quoteArgv(['printf', '%s\\0', ...words])], { cwd: folder, encoding: 'utf8', stdio: 'pipe', timeout: 30_000 });
    expect(printed.split('\0').slice(0, -1)).toEqual(words);
    expect(existsSync(join(folder, 'PWNED'))).toBe(false);
  });

  it.each(SHELLS.slice(0, 3))('%s writes the texts that were meant, whatever they hold', { timeout: 60_000 }, (shell) => {
    const texts = fc.sample(fc.array(hostile, { minLength: 1, maxLength: 4 }), { seed: 22, numRuns: 200 }).map((lines) => Buffer.from(`${lines.join('\n')}\n`).toString());
    const mark = '0123456789abcdef';
    const sound = texts.filter((text) => orRefused(() => heredoc('cat', text, mark)) !== undefined);
    expect(sound.length).toBeGreaterThan(100);
    const file = join(folder, 'script');
    writeFileSync(file, completeScript('main() { files; }\n', [shellFunction('files', sound.map((text) => heredoc('cat', text, mark)).join(''))]));
    const printed = execFileSync(shell, [file], { cwd: folder, encoding: 'utf8', stdio: 'pipe', timeout: 30_000 });
    expect(printed).toBe(sound.join(''));
    expect(existsSync(join(folder, 'PWNED'))).toBe(false);
    expect(readFileSync(file, 'utf8')).toContain('touch PWNED');
  });
});
