import type { HostFacts } from './facts.ts';
import type { FileChange } from './plan-types.ts';

/** The change that makes a file hold exactly this text with this mode (undefined: not exist), or nothing when it does already. */
export function fileChange(facts: HostFacts, path: string, after: string | undefined, why: string, mode = '644'): FileChange | undefined {
  const file = facts.files.get(path);
  // a file whose text is unknown (not UTF-8, too long) is never taken for the wanted one, nor for none
  if (file === undefined ? after === undefined : after !== undefined && file.text === after && file.mode === mode) return undefined;
  return { kind: 'file', path: file?.path ?? path, before: file?.text, beforeSha256: file?.sha256, after, mode, why };
}
