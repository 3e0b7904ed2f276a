import { isIP } from 'node:net';
import { formatLocation } from '../base/errors.ts';
import { hostNameProblem } from './names.ts';
import { type Problems, quoted } from './problem.ts';
import type { HostDraft } from './resolve.ts';
import type { Path, YamlSource } from './yaml-source.ts';

/** One name, one key, one host: two hosts that answer to the same name could pass for each other. */
export function refuseDuplicates(drafts: readonly HostDraft[], source: YamlSource, problems: Problems): void {
  const hosts = new Map<string, HostDraft>();
  const holders = new Map<string, HostDraft>();
  const keys = new Map<string, HostDraft>();
  for (const draft of drafts) {
    const { host } = draft;
    const twin = hosts.get(host.name);
    if (twin !== undefined) {
      const hint = 'a host stands in one place; it joins more groups with groups: [...]';
      problems.add({ code: 'inventory/duplicate-host', message: `${quoted(host.name)} is listed already in ${formatLocation(twin.host.at)}`, hint }, host.at);
      continue;
    }
    hosts.set(host.name, draft);
    for (const name of host.names) {
      const holder = holders.get(name);
      if (holder === undefined) holders.set(name, draft);
      else refuseName(name, draft, holder, source, problems);
    }
    if (host.hostKey === undefined) continue;
    const cloned = keys.get(host.hostKey);
    if (cloned === undefined) {
      keys.set(host.hostKey, draft);
    } else {
      const message = `this is also the host key of ${cloned.host.name} in ${formatLocation(cloned.host.at)}`;
      const hint = 'cloned machines share their keys: make new ones with "ssh-keygen -A" on one of them';
      problems.add({ code: 'inventory/duplicate-host-key', message, hint }, source.locate([...draft.path, 'hostKey']));
    }
  }
}

function refuseName(name: string, draft: HostDraft, holder: HostDraft, source: YamlSource, problems: Problems): void {
  const message = `${quoted(name)} is already a name of ${holder.host.name} in ${formatLocation(holder.host.at)}`;
  const hint = isIP(name) === 0 ? 'a name belongs to one host' : 'hosts behind one address each need a DNS name of their own as address:';
  problems.add({ code: 'inventory/duplicate-name', message, hint }, source.locate(pathOf(name, draft, source), 'key'));
}

/** A short name for each host: the first label of its full name, where no other host of the inventory could be meant by it. */
export function shortNamesOf(drafts: readonly HostDraft[]): (string | undefined)[] {
  const claims = new Map<string, number>();
  const claim = (name: string): void => void claims.set(name, (claims.get(name) ?? 0) + 1);
  const labels = drafts.map(({ host }) => host.names.map(firstLabel));
  for (const [i, { host }] of drafts.entries()) {
    for (const name of new Set([...host.names, ...(labels[i] ?? [])])) if (name !== undefined) claim(name);
  }
  return drafts.map(({ host }, i) => {
    // its own name is the first of its names
    const label = labels[i]?.[0];
    const free = label !== undefined && !host.names.includes(label) && claims.get(label) === 1;
    return free ? label : undefined;
  });
}

function firstLabel(name: string): string | undefined {
  const dot = name.indexOf('.');
  if (dot < 0 || isIP(name) !== 0) return undefined;
  const label = name.slice(0, dot);
  return hostNameProblem(label) === undefined ? label : undefined;
}

/** Where the file says this name: in the list of names, as the address, or as the host itself. */
function pathOf(name: string, draft: HostDraft, source: YamlSource): Path {
  if (name === draft.host.name) return draft.path;
  if (name === draft.host.address) return [...draft.path, 'address'];
  let names: unknown = source.value;
  for (const step of [...draft.path, 'names']) names = (names as Record<string | number, unknown> | undefined)?.[step];
  return [...draft.path, 'names', Array.isArray(names) ? names.indexOf(name) : 0];
}
