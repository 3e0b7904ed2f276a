import { appendFileSync, chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { editFile } from '../../../src/client/edit-file-adapter.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ensign-edit-'));
  file = join(folder, 'known_hosts');
});
afterEach(() => rmSync(folder, { recursive: true }));

const add = (text: string): string => `${text}new\n`;

describe('editFile', () => {
  it('makes a new file with 0600 and a new folder with 0700, whatever the umask', async () => {
    const umask = process.umask(0o000);
    try {
      const path = join(folder, '.ssh', 'known_hosts');
      expect(await editFile(path, add)).toBe('created');
      expect(readFileSync(path, 'utf8')).toBe('new\n');
      expect([statSync(path).mode & 0o7777, statSync(join(folder, '.ssh')).mode & 0o7777]).toEqual([0o600, 0o700]);
    } finally {
      process.umask(umask);
    }
  });

  it('keeps mode and bytes of an old file, and leaves nothing else behind', async () => {
    writeFileSync(file, Buffer.from([0xff, 0x00, 0xc3, 0x28, 0x0d, 0x0a]));
    chmodSync(file, 0o644);
    expect(await editFile(file, add)).toBe('changed');
    expect(readFileSync(file)).toEqual(Buffer.concat([Buffer.from([0xff, 0x00, 0xc3, 0x28, 0x0d, 0x0a]), Buffer.from('new\n')]));
    expect(statSync(file).mode & 0o7777).toBe(0o644);
    expect(readdirSync(folder)).toEqual(['known_hosts']);
  });

  it.skipIf(process.getuid?.() !== 0)('keeps the owner', async () => {
    writeFileSync(file, 'old\n');
    chownSync(file, 1234, 1235);
    await editFile(file, add);
    expect([statSync(file).uid, statSync(file).gid]).toEqual([1234, 1235]);
  });

  it('does not touch a file that stays as it is', async () => {
    writeFileSync(file, 'old\n');
    const before = statSync(file);
    expect(await editFile(file, (text) => text)).toBe('unchanged');
    expect([statSync(file).ino, statSync(file).mtimeMs]).toEqual([before.ino, before.mtimeMs]);
  });

  it('writes through links to their target, also where that is not there yet', async () => {
    mkdirSync(join(folder, 'dotfiles'));
    writeFileSync(join(folder, 'dotfiles', 'kh'), 'old\n');
    symlinkSync('dotfiles/kh', join(folder, 'middle'));
    symlinkSync(join(folder, 'middle'), file);
    expect(await editFile(file, add)).toBe('changed');
    expect(readFileSync(join(folder, 'dotfiles', 'kh'), 'utf8')).toBe('old\nnew\n');
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    rmSync(join(folder, 'dotfiles', 'kh'));
    expect(await editFile(file, add)).toBe('created');
    expect(readFileSync(join(folder, 'dotfiles', 'kh'), 'utf8')).toBe('new\n');
  });

  it('replaces the file, so that a crash leaves the old or the new one', async () => {
    writeFileSync(file, 'old\n');
    const { ino } = statSync(file);
    await editFile(file, add);
    expect(statSync(file).ino).not.toBe(ino);
  });

  it('loses no line that another program adds meanwhile', async () => {
    writeFileSync(file, 'old\n');
    let calls = 0;
    const outcome = await editFile(file, (text) => {
      calls += 1;
      if (calls === 1) appendFileSync(file, 'meanwhile\n');
      return add(text);
    });
    expect([outcome, readFileSync(file, 'utf8'), calls]).toEqual(['changed', 'old\nmeanwhile\nnew\n', 2]);
  });

  it('gives up on a file that never stays still, and leaves it', async () => {
    await expect(editFile(file, (text) => { appendFileSync(file, 'x'); return add(text); })).rejects.toMatchObject({ code: 'known-hosts/busy' });
    expect(readFileSync(file, 'utf8')).toMatch(/^x+$/);
    expect(readdirSync(folder)).toEqual(['known_hosts']);
  });

  it('writes nothing when the edit fails', async () => {
    writeFileSync(file, 'old\n');
    await expect(editFile(file, () => { throw new AppError('test/no', 'no'); })).rejects.toMatchObject({ code: 'test/no' });
    expect([readFileSync(file, 'utf8'), readdirSync(folder)]).toEqual(['old\n', ['known_hosts']]);
  });

  it('refuses what is not a file', async () => {
    symlinkSync('loop', join(folder, 'loop'));
    for (const path of [folder, '/dev/null', join(folder, 'loop')]) await expect(editFile(path, add)).rejects.toMatchObject({ code: 'known-hosts/not-a-file', exit: 2 });
    writeFileSync(file, '');
    await expect(editFile(join(file, 'x'), add)).rejects.toMatchObject({ code: 'known-hosts/unwritable', exit: 2 });
  });
});
