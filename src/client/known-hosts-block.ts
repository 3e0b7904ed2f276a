import { formatLocation, type SourceLocation, usageError } from '../base/errors.ts';
import { parseKnownHosts } from '../ssh/known-hosts.ts';
import { hostString } from '../ssh/known-hosts-field.ts';
import { formatPublicKeyLine, type PublicKey, samePublicKey } from '../wire/public-key.ts';

/** The part of a host that people type: the fields of the inventory's Host. */
export interface NamedHost {
  readonly names: readonly string[];
  readonly shortName: string | undefined;
  readonly port: number;
}

const BEGIN = '# BEGIN ensign';
const END = '# END ensign';
const BEGIN_LINE = `${BEGIN}: kept by "ensign known-hosts --install", changes between these lines are lost`;
const END_LINE = END;
// a line stays readable, and below the 8 KiB that some tools read at once
const NAMES_PER_LINE = 30;
const CHARACTERS_PER_LINE = 4_000;

/**
 * The `@cert-authority` lines for laptops, limited to the names and ports of these hosts: an authority must never
 * vouch for hosts that nobody listed, so a bare `*` is not a possible answer. sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
 */
export function certAuthorityLines(hosts: Iterable<NamedHost>, authorities: readonly PublicKey[], comment: string): string[] {
  const chunks = chunked(namesAndPorts(hosts));
  return authorities.flatMap((key) => chunks.map((chunk) => `@cert-authority ${chunk.join(',')} ${formatPublicKeyLine(key, comment)}`));
}

/** Every name once, as it stands in known_hosts: `name`, or `[name]:port` for other ports than 22. */
export function namesAndPorts(hosts: Iterable<NamedHost>): string[] {
  const all = new Set<string>();
  for (const { names, shortName, port } of hosts) {
    for (const name of names) all.add(hostString(name, port));
    if (shortName !== undefined) all.add(hostString(shortName, port));
  }
  return [...all];
}

/**
 * The text of a known_hosts file with these lines as ensign's block: in the place of the old block, or at the end.
 * Everything outside of the block stays byte for byte; a missing newline at the end is added before a new block.
 * The text is latin1, one character a byte, so that foreign bytes survive.
 * @throws AppError `known-hosts/damaged-block` when the two marks do not form exactly one pair
 */
export function withBlock(text: string, lines: readonly string[], file: string): string {
  const block = [BEGIN_LINE, ...lines, END_LINE].join('\n');
  const place = findBlock(text, file);
  if (place !== undefined) return text.slice(0, place.start) + block + text.slice(place.end);
  const separator = text === '' || text.endsWith('\n') ? '' : '\n';
  return `${text}${separator}${block}\n`;
}

/** The `@revoked` lines of a file that take this authority back: they beat every line of the block. */
export function revokingLines(text: string, file: string, authority: PublicKey): SourceLocation[] {
  const { entries } = parseKnownHosts(text, file);
  return entries.filter((entry) => entry.marker === 'revoked' && samePublicKey(entry.key, authority)).map((entry) => entry.at);
}

/** Offsets from the first character of the first mark to behind the last one, without the line's end. */
function findBlock(text: string, file: string): { start: number; end: number } | undefined {
  const marks: { kind: 'begin' | 'end'; line: number; start: number; end: number }[] = [];
  let offset = 0;
  for (const [i, line] of text.split('\n').entries()) {
    const content = line.trimEnd();
    const kind = isMark(content, BEGIN) ? 'begin' : isMark(content, END) ? 'end' : undefined;
    if (kind !== undefined) marks.push({ kind, line: i + 1, start: offset, end: offset + content.length });
    offset += line.length + 1;
  }
  const [first, last, ...others] = marks;
  if (first === undefined) return undefined;
  if (first.kind === 'begin' && last?.kind === 'end' && others.length === 0) return { start: first.start, end: last.end };
  const found = marks.map(({ kind, line }) => `${kind === 'begin' ? BEGIN : END} in line ${line}`).join(', ');
  const at = { file, line: first.line };
  throw usageError('known-hosts/damaged-block', `expected one "${BEGIN}" line and one "${END}" line after it, found: ${found}`, {
    hint: `remove what is left of the block from ${formatLocation(at)} on by hand, then install again`,
    at,
  });
}

function isMark(line: string, mark: string): boolean {
  return line === mark || line.startsWith(`${mark}:`);
}

function chunked(names: readonly string[]): string[][] {
  const chunks: string[][] = [];
  let room = 0;
  for (const name of names) {
    const chunk = chunks.at(-1);
    if (chunk === undefined || chunk.length === NAMES_PER_LINE || name.length + 1 > room) {
      chunks.push([name]);
      room = CHARACTERS_PER_LINE - name.length;
    } else {
      chunk.push(name);
      room -= name.length + 1;
    }
  }
  return chunks;
}
