import { connectLab, type Lab } from './lab.ts';

/**
 * The lab that the lab tests of this run share; `node scripts/test.mjs --lab [FILTER]` starts it. It has no hosts of its own: a test
 * file adds what it needs (about a second each) and removes it, so that no file finds what another left behind.
 */
export function useLab(): Lab {
  const id = process.env['ENSIGN_LAB'];
  if (id === undefined) throw new Error('lab tests run inside a lab: node scripts/test.mjs --lab [FILTER]');
  return connectLab(id);
}
