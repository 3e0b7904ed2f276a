import { includeReach, withBlockAtTop, withoutBlock } from '../sshd/config-text.ts';
import { PATHS, type Directive } from '../sshd/drop-in.ts';
import { atLeast } from '../sshd/version.ts';
import type { HostFacts } from './facts.ts';
import { fileChange } from './file-change.ts';
import type { FileChange, Refusal } from './plan-types.ts';

export interface ConfigurationPlan {
  readonly changes: readonly FileChange[];
  /** True when the drop-in is among what has to be there. */
  readonly usesDropIn: boolean;
  readonly refusals: readonly Refusal[];
}

/**
 * How the directives get into sshd's configuration: by a drop-in where sshd_config reads drop-ins, by a drop-in and one
 * Include at the top where it reads none, and at the top of sshd_config itself where sshd knows no Include or reads
 * drop-ins a second time inside a Match block, in which HostCertificate may not stand.
 */
export function planConfiguration(facts: HostFacts, wanted: readonly Directive[], renderDropIn: (directives: readonly Directive[]) => string): ConfigurationPlan {
  const own = facts.files.get(PATHS.mainConfig);
  const main = own ?? facts.files.get(PATHS.vendorConfig);
  const refusal = own === undefined && main !== undefined ? vendorRefusal(main.text) : main !== undefined && main.text === undefined ? unreadable(main.path) : undefined;
  if (refusal !== undefined) return { changes: [], usesDropIn: true, refusals: [refusal] };
  const text = main?.text ?? '';
  const dropIn = renderDropIn(wanted);
  const mode = own?.mode ?? '644';
  const atTop = (directives: string, why: string): FileChange | undefined => fileChange(facts, PATHS.mainConfig, withBlockAtTop(text, directives), why, mode);
  const snippet = fileChange(facts, PATHS.dropIn, dropIn, 'the directives of ensign');
  const noSnippet = fileChange(facts, PATHS.dropIn, undefined, 'its directives move into sshd_config');
  const answer = (usesDropIn: boolean, ...changes: (FileChange | undefined)[]): ConfigurationPlan => ({ changes: changes.filter((c) => c !== undefined), usesDropIn, refusals: [] });
  if (!atLeast(facts.version, 8, 2)) return answer(false, noSnippet, atTop(dropIn, 'sshd before 8.2 has no Include: the directives themselves, at the top'));
  switch (includeReach(withoutBlock(text), PATHS.dropIn)) {
    case 'always':
      // a block of an earlier day would give every directive twice
      return answer(true, snippet, own === undefined || text === withoutBlock(text) ? undefined : fileChange(facts, PATHS.mainConfig, withoutBlock(text), 'sshd_config reads drop-ins by itself: the block of ensign goes', mode));
    case 'scoped':
      return answer(false, noSnippet, atTop(dropIn, 'sshd_config reads drop-ins inside a Match block: the directives themselves, at the top'));
    case 'never':
      return answer(true, snippet, atTop(`Include ${PATHS.dropIn}`, 'sshd_config reads no drop-ins: one marked Include at the top'));
  }
}

// openSUSE and others: a file in /etc would hide the vendor's whole file
function vendorRefusal(text: string | undefined): Refusal | undefined {
  if (text !== undefined && includeReach(text, PATHS.dropIn) === 'always') return undefined;
  return { code: 'host/vendor-config', message: `sshd uses ${PATHS.vendorConfig}, which does not read drop-ins of ${PATHS.dropIn.slice(0, PATHS.dropIn.lastIndexOf('/'))}`, hint: `copy it to ${PATHS.mainConfig}, which ensign may change` };
}

function unreadable(path: string): Refusal {
  return { code: 'host/config-unreadable', message: `${path} is not UTF-8 text, or larger than 64 KiB`, hint: 'ensign must see what it includes, and keeps every byte of it: convert its comments, for example with `iconv -f latin1 -t utf8`' };
}
