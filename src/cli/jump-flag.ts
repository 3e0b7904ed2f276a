import { usageError } from '../base/errors.ts';
import type { Host, JumpHost } from '../inventory/host.ts';
import { parseJump, type JumpEntry } from '../inventory/jump-entry.ts';

/**
 * The hosts with the way that `--jump` names in place of their own: `[user@]host[:port]`, several with commas, the
 * nearest first; `none` is the straight way. A jump host that stands in the inventory brings its settings along, and the
 * first one its own jump hosts. A host that stands in the list itself is reached by those before it.
 * @throws AppError `inventory/bad-jump`, `inventory/bad-name` and what else is wrong with a login or a name
 */
export function withJumps<H extends Pick<Host, 'address' | 'port' | 'jump'>>(hosts: readonly H[], written: string | undefined, known: readonly Host[]): readonly H[] {
  if (written === undefined) return hosts;
  const chain = jumpsOf(written, known);
  const places = chain.map(placeKey);
  return hosts.map((host) => {
    const self = places.indexOf(placeKey(host));
    return { ...host, jump: self === -1 ? chain : chain.slice(0, self) };
  });
}

function jumpsOf(written: string, known: readonly Host[]): readonly JumpHost[] {
  if (written === 'none') return [];
  const named = new Map(known.toReversed().flatMap((host) => [host.address, ...host.names, host.name].map((name) => [name.toLowerCase(), host] as const)));
  const hops = written.split(',').map((text) => {
    const entry = parseJump(text.trim());
    if (!('problem' in entry)) return { entry, target: meant(entry, named.get(entry.address.toLowerCase())) };
    const { code, message, hint } = entry.problem;
    throw usageError(code, `--jump: ${message}`, { hint: hint ?? 'write [user@]host[:port], several with commas, or none' });
  });
  return [...(hops[0]?.target?.jump ?? []), ...hops.map(({ entry, target }) => jumpHost(entry, target))];
}

// behind another port of the same address is another machine, where a gateway hands connections on
function meant({ address, port }: JumpEntry, target: Host | undefined): Host | undefined {
  return target === undefined || port === undefined || port === target.port || address.toLowerCase() === target.name.toLowerCase() ? target : undefined;
}

function jumpHost(entry: JumpEntry, target: Host | undefined): JumpHost {
  return {
    name: target?.name ?? entry.address,
    address: target?.address ?? entry.address,
    port: entry.port ?? target?.port ?? 22,
    user: entry.user ?? target?.user,
    identityFile: target?.identityFile,
    agent: target?.agent ?? true,
    firstContact: target?.firstContact ?? 'known-hosts',
    hostKey: target?.hostKey,
    connectTimeout: target?.connectTimeout,
  };
}

function placeKey({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address} ${port}`;
}
