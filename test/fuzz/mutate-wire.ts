import { joined, LONGEST, mutateBytes, u32 } from './mutate-bytes.ts';
import type { Random } from './random.ts';

/**
 * What the parts of an SSH structure are: numbers of so many bytes, a string whose content is looked into where it is
 * itself made of strings, or a string in which strings repeat.
 */
export type Item = 'byte' | 'u32' | 'u64' | 'string' | 'strings';

interface Node {
  readonly item: Item;
  /** The content of a string, the bytes of a number. */
  readonly content: Uint8Array;
}

/** Words that stand in SSH structures; each tried in the place of another one. */
const WORDS: readonly (string | Uint8Array)[] = [
  'ssh-ed25519', 'ssh-rsa', 'rsa-sha2-256', 'rsa-sha2-512', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-dss',
  'sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com', 'nistp256', 'nistp384', 'nistp521', 'prime256v1', 'ssh:', 'none',
  'ssh-ed25519-cert-v01@openssh.com', 'ssh-ed25519-cert-v00@openssh.com', 'ssh-rsa-cert-v01@openssh.com', 'rsa-sha2-512-cert-v01@openssh.com',
  'ecdsa-sha2-nistp256-cert-v01@openssh.com', 'sk-ssh-ed25519-cert-v01@openssh.com', 'ssh-dss-cert-v01@openssh.com',
  'force-command', 'source-address', 'verify-required', 'permit-pty', 'permit-X11-forwarding', 'no-touch-required', '__proto__', 'constructor',
  '', '*', '*.example.com', 'root', 'root,deploy', 'ro\0ot', 'root\n', '-oProxyCommand=x', 'r\u043eot', '10.0.0.0/8', '0.0.0.0/0', '\u202eroot',
  Uint8Array.of(0), Uint8Array.of(0, 0), Uint8Array.of(0x80), Uint8Array.of(0, 0x80), Uint8Array.of(0, 0x7f), Uint8Array.of(0xff, 0xfe), Uint8Array.of(3), Uint8Array.of(1, 0, 1),
  new Uint8Array(32), new Uint8Array(64).fill(0xff), new Uint8Array(65).fill(4),
];
const NUMBERS = ['0000000000000000', '0000000000000001', '0000000000000002', '0000000000000003', '000000007fffffff', '0000000080000000', '00000000ffffffff', '7fffffffffffffff', '8000000000000000', 'ffffffffffffffff'];

/** Changes a structure along its fields, lengths kept true in most cases; blindly where it is none of this layout. */
export function mutateWire(bytes: Uint8Array, layout: readonly Item[], random: Random, others: readonly Uint8Array[]): Uint8Array {
  const nodes = parse(bytes, layout);
  if (nodes === undefined || random.oneIn(8)) return mutateBytes(bytes, random, others);
  let changed = nodes;
  for (let left = 1 + random.size(3); left > 0; left -= 1) changed = changeNodes(changed, random, others, layout);
  const result = changed.map((node) => encode(node, random)).reduce((a, b) => joined(a, b), new Uint8Array(0));
  return (random.oneIn(10) ? mutateBytes(result, random, others) : result).subarray(0, LONGEST);
}

function changeNodes(nodes: readonly Node[], random: Random, others: readonly Uint8Array[], layout: readonly Item[]): Node[] {
  const at = random.below(nodes.length);
  const node = nodes[at];
  if (node === undefined) return [];
  const place = (...by: readonly Node[]): Node[] => [...nodes.slice(0, at), ...by, ...nodes.slice(at + 1)];
  switch (random.below(12)) {
    case 0:
      return place();
    case 1:
      return place(node, node);
    case 2:
      return place(random.pick(nodes));
    case 3: {
      // the same field of another structure, or any of its fields
      const other = parse(random.pick(others), layout);
      return other === undefined ? place(node) : place(random.oneIn(2) ? (other[at] ?? node) : random.pick(other));
    }
    case 4:
      // a whole structure in the place of a field: a certificate as a key, a key as a name
      return place({ item: 'string', content: random.pick(others) });
    default:
      return place({ ...node, content: changeContent(node, random, others) });
  }
}

function changeContent({ item, content }: Node, random: Random, others: readonly Uint8Array[]): Uint8Array {
  if (item === 'byte' || item === 'u32' || item === 'u64') {
    return random.oneIn(3) ? mutateBytes(content, random, [content]) : new Uint8Array(Buffer.from(random.pick(NUMBERS), 'hex')).slice(-content.length || 8);
  }
  const inner = item === 'strings' || random.oneIn(2) ? parseStrings(content) : undefined;
  if (inner !== undefined && inner.length > 0 && !random.oneIn(4)) {
    return joined(...changeNodes(inner, random, others, inner.map(() => 'string')).map((node) => encode(node, random)));
  }
  switch (random.below(6)) {
    case 0:
      return wordBytes(random);
    case 1:
      return joined(content, random.oneIn(2) ? wordBytes(random) : random.bytes(1 + random.size(4)));
    case 2:
      return joined(Uint8Array.of(random.pick([0, 0, 0x80, 0xff])), content);
    case 3:
      // many times over: 300 principals, an integer of 20,000 bits
      return joined(...Array.from({ length: Math.min(1 + random.size(400), Math.ceil(LONGEST / (content.length + 1))) }, () => content));
    case 4:
      return content.subarray(0, random.below(content.length));
    default:
      return mutateBytes(content, random, others);
  }
}

function wordBytes(random: Random): Uint8Array {
  const word = random.pick(WORDS);
  return typeof word === 'string' ? new Uint8Array(Buffer.from(word)) : word;
}

function parse(bytes: Uint8Array, layout: readonly Item[]): Node[] | undefined {
  const nodes: Node[] = [];
  let at = 0;
  for (const item of layout) {
    const size = item === 'byte' ? 1 : item === 'u32' ? 4 : item === 'u64' ? 8 : stringSize(bytes, at);
    if (size === undefined || at + size > bytes.length) return undefined;
    nodes.push({ item, content: item === 'string' || item === 'strings' ? bytes.subarray(at + 4, at + size) : bytes.subarray(at, at + size) });
    at += size;
  }
  return at === bytes.length ? nodes : undefined;
}

/** The strings that fill these bytes exactly. */
function parseStrings(bytes: Uint8Array): Node[] | undefined {
  const nodes: Node[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = stringSize(bytes, at);
    if (size === undefined || at + size > bytes.length) return undefined;
    nodes.push({ item: 'string', content: bytes.subarray(at + 4, at + size) });
    at += size;
  }
  return nodes;
}

function stringSize(bytes: Uint8Array, at: number): number | undefined {
  return at + 4 > bytes.length ? undefined : 4 + Buffer.from(bytes.buffer, bytes.byteOffset + at, 4).readUInt32BE();
}

function encode({ item, content }: Node, random: Random): Uint8Array {
  if (item !== 'string' && item !== 'strings') return content;
  const lie = random.oneIn(40) ? random.pick([-1, 1, 4, -content.length, 0x7fff_ffff, 0xffff_ffff - content.length]) : 0;
  return joined(u32(content.length + lie), content);
}
