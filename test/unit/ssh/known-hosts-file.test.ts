import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseKnownHosts } from '../../../src/ssh/known-hosts.ts';
import { appendKnownHost } from '../../../src/ssh/known-hosts-file-adapter.ts';
import { formatPublicKeyLine } from '../../../src/wire/public-key.ts';
import { ed25519Key } from '../wire/keys.ts';

const KEY = ed25519Key().key;
const LINE = formatPublicKeyLine(KEY);

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-append-'));
  file = join(folder, 'known_hosts');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('appendKnownHost', () => {
  it('makes the file for the owner alone', async () => {
    await appendKnownHost(file, { name: 'web', port: 22, key: KEY });
    expect(readFileSync(file, 'utf8')).toBe(`web ${LINE}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('writes other ports in brackets, and comments', async () => {
    await appendKnownHost(file, { name: '2001:db8::1', port: 2222, key: KEY, comment: 'first contact' });
    expect(readFileSync(file, 'utf8')).toBe(`[2001:db8::1]:2222 ${LINE} first contact\n`);
  });

  it('leaves what is there, and gives a torn last line its end', async () => {
    writeFileSync(file, `# mine\r\n\xff db ssh-rsa AAAA`, 'latin1');
    await appendKnownHost(file, { name: 'web', port: 22, key: KEY });
    expect(readFileSync(file, 'latin1')).toBe(`# mine\r\n\xff db ssh-rsa AAAA\nweb ${LINE}\n`);
  });

  it('does not write a key twice, but another key of the same host', async () => {
    await appendKnownHost(file, { name: 'web', port: 22, key: KEY });
    await appendKnownHost(file, { name: 'web', port: 22, key: KEY });
    await appendKnownHost(file, { name: 'web', port: 2222, key: KEY });
    await appendKnownHost(file, { name: 'web', port: 22, key: ed25519Key().key });
    expect(parseKnownHosts(readFileSync(file, 'utf8'), file).entries).toHaveLength(3);
  });

  it('refuses what is no file, and a folder that is not there', async () => {
    mkdirSync(join(folder, 'dir'));
    for (const path of [join(folder, 'dir'), '/dev/null', join(folder, 'gone', 'known_hosts')]) {
      await expect(appendKnownHost(path, { name: 'web', port: 22, key: KEY })).rejects.toMatchObject({ code: 'ssh/known-hosts-unwritable' });
    }
  });

  it('writes through a link', async () => {
    writeFileSync(join(folder, 'target'), '');
    symlinkSync('target', file);
    await appendKnownHost(file, { name: 'web', port: 22, key: KEY });
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe(`web ${LINE}\n`);
  });

  it('loses no line when several processes and tasks append at once', async () => {
    const script = new URL('append-keys.ts', import.meta.url).pathname;
    const others = ['a', 'b', 'c'].map(
      (label) => new Promise<number | null>((resolve, reject) => spawn(process.execPath, ['--import', 'tsx', script, file, label, '20'], { stdio: 'inherit' }).on('exit', resolve).on('error', reject)),
    );
    const own = Array.from({ length: 20 }, (_, i) => appendKnownHost(file, { name: `own-${i}`, port: 22, key: ed25519Key().key }));
    await Promise.all(own);
    expect(await Promise.all(others)).toEqual([0, 0, 0]);
    const known = parseKnownHosts(readFileSync(file, 'utf8'), file);
    expect(known.skipped).toEqual([]);
    const names = ['a', 'b', 'c', 'own'].flatMap((label) => Array.from({ length: 20 }, (_, i) => `${label}-${i}`));
    expect(known.entries.flatMap((entry) => entry.field.literals ?? []).sort()).toEqual(names.sort());
  });
});
