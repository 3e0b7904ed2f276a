import { isIPv6 } from 'node:net';
import { usageError } from '../base/errors.ts';
import { isPlainText } from '../base/text.ts';
import type { Host, JumpHost } from '../inventory/host.ts';

/** Where to scan, and the name that the certificate must be for. */
export interface ScanTarget {
  /** As it was written. */
  readonly text: string;
  /** Without brackets and port. */
  readonly name: string;
  /** Where to connect. */
  readonly address: string;
  readonly port: number;
  readonly jump: readonly JumpHost[];
}

/** A host of an inventory, by its inventory name. */
export function targetOf({ name, address, port, jump }: Host): ScanTarget {
  return { text: name, name, address, port, jump };
}

/**
 * Reads `host`, `host:port`, `[2001:db8::1]:port`, `[2001:db8::1]` or a bare IPv6 address.
 * @throws AppError `scan/bad-target`
 */
export function parseScanTarget(text: string): ScanTarget {
  const bare = isIPv6(text) ? { name: text } : (/^\[(?<name>[^[\]]+)\](?::(?<port>.*))?$/s.exec(text) ?? /^(?<name>[^:[\]]+)(?::(?<port>.*))?$/s.exec(text))?.groups;
  const { name = '', port } = bare ?? {};
  if (!isHostName(name)) throw badTarget(text, 'this is not a host name or an address');
  if (text.startsWith('[') && !isIPv6(name)) throw badTarget(text, 'what stands in brackets is not an IPv6 address');
  if (port !== undefined && !(/^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535)) throw badTarget(text, `${JSON.stringify(port)} is not a port`);
  return { text, name, address: name, port: port === undefined ? 22 : Number(port), jump: [] };
}

// a name is used to connect and to compare, never in a shell; what cannot be in any name is still a slip of the hand
function isHostName(name: string): boolean {
  return name !== '' && name.length <= 253 && isPlainText(name) && !/[\s/@,"'\\]/.test(name) && !name.startsWith('-');
}

function badTarget(text: string, why: string): Error {
  return usageError('scan/bad-target', `${JSON.stringify(text)}: ${why}`, { hint: 'write HOST, HOST:PORT or [IPV6]:PORT' });
}
