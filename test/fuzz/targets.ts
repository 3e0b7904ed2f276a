import { Random, wordOf } from './random.ts';
import type { Target } from './target.ts';
import { configTargets } from './targets/config.ts';
import { hostTargets } from './targets/host.ts';
import { sshTargets } from './targets/ssh.ts';
import { wireTargets } from './targets/wire.ts';

/**
 * Every decoder. A new format gets a target in a file of targets/, seeds in corpus/ and their count in corpus.ts.
 * Planned: `krl`, when revocation lists are read (OpenSSH PROTOCOL.krl); with `ssh-keygen -Q -f` as its oracle.
 */
export function allTargets(): Target[] {
  return [...wireTargets(), ...sshTargets(), ...hostTargets(), ...configTargets()];
}

/** The input of a target with this number in a run with this seed: the same on every machine and in every order. */
export function inputOf(target: Target, seed: number, index: number): Uint8Array {
  const random = new Random(seed, wordOf(target.name), index);
  return target.mutate(random.pick(target.seeds), random);
}

/** How many of the inputs each target gets, by weight; every one gets at least one. */
export function shares(targets: readonly Target[], runs: number): Map<Target, number> {
  const total = targets.reduce((sum, target) => sum + target.weight, 0);
  const counts = new Map(targets.map((target) => [target, Math.max(1, Math.floor((runs * target.weight) / total))]));
  // what rounding left over goes to the first, so that the total is what was asked for
  const [first] = targets;
  const given = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (first !== undefined) counts.set(first, Math.max(1, (counts.get(first) ?? 0) + runs - given));
  return counts;
}
