import { expect, it } from 'vitest';
import { notForwarded } from '../../../src/ssh/forward-failure.ts';

const TARGET = { address: '2001:db8::1', port: 22, timeoutMs: 1000 };

// RFC 4254 section 5.1; the words are those of OpenSSH 9.2. A jump host that merely refuses must not look lost: it would be
// logged in to again and again
it.each([
  [1, 'open failed', 'ssh/forward-refused'],
  [2, 'Connection refused', 'ssh/refused'],
  [2, 'Connection timed out', 'ssh/unreachable'],
  [2, 'Temporary failure in name resolution', 'ssh/unreachable'],
  [3, 'unknown channel type', 'ssh/forward-refused'],
  [4, '', 'ssh/forward-refused'],
  [0xfe00_0001, 'of its own', 'ssh/forward-refused'],
  [undefined, 'No response from server', 'ssh/lost'],
] as const)('reason %s (%s) is %s', (reason, words, code) => {
  const cause = Object.assign(new Error(`(SSH) Channel open failure: ${words}`), reason === undefined ? {} : { reason });
  expect(notForwarded('gate', TARGET, cause)).toMatchObject({ code, exit: 5, message: expect.stringContaining('gate') as string });
});
