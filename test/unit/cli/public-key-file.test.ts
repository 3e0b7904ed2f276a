import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readPublicKeyFile } from '../../../src/cli/public-key-file.ts';
import { formatPublicKeyLine } from '../../../src/wire/public-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'ensign-keys-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A fresh key, its line, and what `ssh-keygen -e -m FORMAT` makes of it. */
function exported(type: string, format: string): { file: string; line: string } {
  const key = join(folder, `${type}-${format}`);
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', key]);
  writeFileSync(`${key}.txt`, execFileSync('ssh-keygen', ['-e', '-m', format, '-f', `${key}.pub`]));
  return { file: `${key}.txt`, line: execFileSync('cut', ['-d', ' ', '-f', '1,2', `${key}.pub`]).toString().trim() };
}

describe('a public key that OpenSSH did not write', () => {
  test.each([
    ['rsa', 'RFC4716'],
    ['rsa', 'PKCS8'],
    ['rsa', 'PEM'],
    ['ecdsa', 'RFC4716'],
    ['ecdsa', 'PKCS8'],
    ['ed25519', 'RFC4716'],
  ])('%s in %s is the same key', async (type, format) => {
    const { file, line } = exported(type, format);
    expect(formatPublicKeyLine(await readPublicKeyFile(file))).toBe(line);
  });

  test('a damaged one is refused with what to do', async () => {
    const file = join(folder, 'damaged.pem');
    writeFileSync(file, '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n');
    await expect(readPublicKeyFile(file)).rejects.toMatchObject({ code: 'ca/no-public-key', exit: 2, hint: expect.stringContaining('ssh-keygen -i') as string });
  });
});
