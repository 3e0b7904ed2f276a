import { describe, expect, it } from 'vitest';
import { suggest } from '../../../src/base/suggest.ts';

describe('suggest', () => {
  it.each([
    ['prot', 'port'],
    ['prt', 'port'],
    ['ports', 'port'],
    ['PORT', 'port'],
    ['adress', 'address'],
    ['identityfile', 'identityFile'],
    ['hostkey', 'hostKey'],
  ])('%s means %s', (word, meant) => {
    expect(suggest(word, ['user', 'port', 'address', 'identityFile', 'hostKey'])).toBe(meant);
  });

  it.each(['x', 'zzzzzz', 'sudo'])('says nothing about %s', (word) => {
    expect(suggest(word, ['user', 'port', 'address'])).toBeUndefined();
  });

  it('takes the nearest of several', () => {
    expect(suggest('web-12', ['web-21', 'web-1', 'web-22'])).toBe('web-21');
    expect(suggest('web-03', ['web-01x', 'web-02'])).toBe('web-02');
  });
});
