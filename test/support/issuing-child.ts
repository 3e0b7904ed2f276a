// A process of its own that issues certificates one after the other and prints each serial once it has been issued.
// argv: folder of the CA, its passphrase file, how many, name of the host that the certificates are for.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import { Secret } from '../../src/base/secret.ts';
import { openCa } from '../../src/ca/open.ts';
import { DEFAULT_PROFILES } from '../../src/ca/profile.ts';
import { hostRequest } from './test-ca.ts';

const [directory = '', passphraseFile = '', count = '0', host = ''] = process.argv.slice(2);
const passphrase = new Secret(readFileSync(passphraseFile, 'utf8').trim());
const ca = await openCa({ directory, profiles: DEFAULT_PROFILES, clock: systemClock, random: randomBytes, passphrase });
process.stdout.write('ready\n');
for (let i = 0; i < Number(count); i++) {
  try {
    const request = hostRequest({ principals: [`name-${i}`], host: { id: host } });
    const { serial } = await ca.issue(ca.lint(ca.prepare(request)));
    process.stdout.write(`${serial.toString()}\n`);
  } catch (error) {
    process.stdout.write(`${(error as { code?: string }).code ?? String(error)}\n`);
  }
}
await ca.close().catch(() => undefined); // a full disk keeps refusals from being recorded, too
