import { createRequire } from 'node:module';
import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import { sendOffers } from '../../../src/ssh/certificate-login.ts';

describe('the inside of ssh2', () => {
  it('is that of the version which certificate-login.ts was written for', () => {
    // another version: read Protocol.authPK, sendPacket and Channel again, run the logins of login.test.ts, then change this
    const { version } = createRequire(import.meta.url)('ssh2/package.json') as { version: string };
    expect(version).toBe('1.17.0');
  });

  it('is refused when it is not as expected', () => {
    const client = new ssh2.Client();
    expect(() => sendOffers(client)).toThrow(expect.objectContaining({ code: 'ssh/library' }));
    const other = Object.assign(new ssh2.Client(), { _protocol: { authPK: () => undefined, _authsQueue: [] } });
    expect(() => sendOffers(other)).toThrow(expect.objectContaining({ code: 'ssh/library' }));
  });

  it('is one: node-ssh uses the same copy', () => {
    const require = createRequire(import.meta.url);
    expect(createRequire(require.resolve('node-ssh')).resolve('ssh2')).toBe(require.resolve('ssh2'));
  });
});
