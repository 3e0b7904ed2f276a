import { posix } from 'node:path';
import type { SourceLocation } from '../base/errors.ts';
import type { FirstContact } from './host.ts';
import { type Problem, quoted } from './problem.ts';

/** What an entry says about its own host key, and what wider settings say. */
export interface ContactWords {
  readonly hostKey: string | undefined;
  readonly own: FirstContact | undefined;
  readonly wider: FirstContact | undefined;
}

export interface Contact {
  readonly firstContact: FirstContact;
  readonly hostKey: string | undefined;
}

/** A fingerprint at the entry decides over wider settings; beside another policy at the same entry it is a contradiction. */
export function contactOf({ hostKey, own, wider }: ContactWords): Contact & { readonly problem?: Problem & { readonly key?: 'firstContact' } } {
  if (hostKey !== undefined) {
    const contact = { firstContact: 'pinned', hostKey } as const;
    if (own === undefined || own === 'pinned') return contact;
    const message = `hostKey pins a fingerprint, but firstContact says ${own}`;
    return { ...contact, problem: { code: 'inventory/contradiction', message, hint: 'remove firstContact, or the hostKey', key: 'firstContact' } };
  }
  const firstContact = own ?? wider ?? 'known-hosts';
  if (firstContact !== 'pinned') return { firstContact, hostKey: undefined };
  const message = 'firstContact is pinned, but there is no hostKey here';
  return { firstContact, hostKey: undefined, problem: { code: 'inventory/missing-host-key', message, hint: 'add hostKey: "SHA256:...", as "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" prints on the host' } };
}

/** An absolute path of a file of the operator; `report` gets the mistake of a `~/` that nothing can stand for. */
export function expandHome(path: string | undefined, home: string | undefined, at: SourceLocation, report: (problem: Problem, at: SourceLocation) => void): string | undefined {
  if (path === undefined) return undefined;
  if (!path.startsWith('~/')) return posix.normalize(path);
  if (home !== undefined) return posix.join(home, path.slice(2));
  report({ code: 'inventory/no-home', message: `${quoted(path)} needs a home folder, and there is none`, hint: 'write the absolute path, or set HOME' }, at);
  return undefined;
}
