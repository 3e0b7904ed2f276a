import { isIPv4, isIPv6 } from 'node:net';

/**
 * Why a text is no address range as sshd reads it in `source-address`; undefined when it is. As in addrmatch.c, an
 * address without a length is that address alone, and bits beyond the length must be zero: sshd refuses a certificate
 * with one such range altogether.
 */
export function cidrProblem(text: string): string | undefined {
  const [, address, length] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bits = address === undefined ? 0 : isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0;
  if (address === undefined || bits === 0) return 'write an address or a range such as 10.0.0.0/8 or 2001:db8::/32';
  if (length === undefined) return undefined;
  if (Number(length) > bits || (length.length > 1 && length.startsWith('0'))) return `the length is between 0 and ${bits}`;
  return hostBitsZero(address, bits, Number(length)) ? undefined : `there are bits set beyond /${length}: write the network's first address`;
}

function hostBitsZero(address: string, bits: 32 | 128, length: number): boolean {
  if (length === bits) return true;
  const value = bits === 32 ? ipv4Value(address) : ipv6Value(address);
  return (value & ((1n << BigInt(bits - length)) - 1n)) === 0n;
}

function ipv4Value(address: string): bigint {
  return address.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function ipv6Value(address: string): bigint {
  // the URL parser gives the form of RFC 5952, with any IPv4 tail written in hex
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}
