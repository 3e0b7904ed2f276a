import { isMap, isPair, isScalar, isSeq, parseDocument, type Pair, type ParsedNode, type Scalar } from 'yaml';
import { type Comment, commentsOf } from './comments.ts';

const WIDEST = 120;
const STEP = 2;

interface Line {
  code: string;
  readonly depth: number;
  comment?: string;
}

/** A block that is being written: where its entries stood in the source, and how deep they stand now. */
interface Block {
  readonly depth: number;
  /** Undefined where it stood between brackets. */
  readonly column: number | undefined;
  readonly end: number;
}

/** Prints YAML of mappings, lists, names and numbers in its canonical form, line by line in the order of the source. */
export class YamlPrinter {
  readonly #text: string;
  readonly #comments: readonly Comment[];
  #nextComment = 0;
  readonly #lines: Line[] = [];
  readonly #blocks: Block[] = [];
  /** Whether the last line opened a block, so that no empty line follows. */
  #opened = true;
  /** How deep the last line's value would be, if it had one. */
  #empty: number | undefined;

  constructor(text: string) {
    this.#text = text;
    this.#comments = commentsOf(text);
  }

  print(): string {
    const { contents } = parseDocument(this.#text, { prettyErrors: false, merge: false, uniqueKeys: false, version: '1.2' });
    if (contents !== null) this.#block(contents, 0, false);
    this.#flush(this.#text.length, { depth: 0, column: 0 });
    alignComments(this.#lines);
    return `${this.#lines.map(({ code, comment = '' }) => (code + comment).trimEnd()).join('\n')}\n`;
  }

  /** The entries of a collection, each on its line; with `here` the first goes on the line that is there, behind its dash. */
  #block(node: ParsedNode, depth: number, here: boolean): void {
    if (!isMap(node) && !isSeq(node)) return;
    const items: readonly unknown[] = node.items;
    this.#blocks.push({ depth, column: node.flow === true ? undefined : this.#columnOf(startOf(items[0], node), isSeq(node)), end: node.range[1] });
    items.forEach((item, i) => {
      const behindDash = here && i === 0;
      if (!behindDash) this.#begin(startOf(item, node), depth);
      if (isPair(item)) this.#pair(item as Pair<ParsedNode, ParsedNode | null>, depth, behindDash);
      else this.#item(item as ParsedNode, depth);
    });
  }

  #pair({ key, value }: Pair<ParsedNode, ParsedNode | null>, depth: number, behindDash: boolean): void {
    const text = `${this.#scalar(key as Scalar.Parsed, true)}:`;
    if (behindDash) this.#append(text);
    else this.#write(text, depth);
    this.#value(value, depth, ' ');
  }

  #item(node: ParsedNode, depth: number): void {
    this.#write('- ', depth);
    if (isMap(node) && this.#inline(node) === undefined) this.#block(node, depth + 1, true);
    else this.#value(node, depth, '');
  }

  #value(node: ParsedNode | null, depth: number, space: string): void {
    const inline = this.#inline(node);
    if (inline === undefined && node !== null) {
      this.#opened = true;
      this.#block(node, depth + 1, false);
      return;
    }
    if (inline !== undefined && inline !== '') this.#append(space + inline);
    else this.#empty = depth + 1;
    if (node !== null) this.#trailing(node.range[1]);
  }

  /** A value that goes on the line that is there, or undefined when it wants lines of its own. */
  #inline(node: ParsedNode | null): string | undefined {
    if (node === null) return '';
    if (isScalar(node)) return this.#scalar(node, false);
    const empty = (isMap(node) || isSeq(node)) && node.items.length === 0;
    if (!empty && (this.#commentWithin(node) || !((isMap(node) || isSeq(node)) && node.flow === true))) return undefined;
    const text = this.#flow(node);
    return (this.#lines.at(-1)?.code.length ?? 0) + 1 + text.length <= WIDEST || empty ? text : undefined;
  }

  #flow(node: ParsedNode | null): string {
    if (node === null) return '';
    if (isScalar(node)) return this.#scalar(node, false);
    if (isSeq(node)) return `[${node.items.map((item) => this.#flow(item)).join(', ')}]`;
    if (!isMap(node) || node.items.length === 0) return '{}';
    const pairs = (node.items).map(({ key, value }) => `${this.#scalar(key as Scalar.Parsed, true)}: ${this.#flow(value)}`.trimEnd());
    return `{ ${pairs.join(', ')} }`;
  }

  /** Quotes stay where somebody wrote them; keys are names, whatever else they look like. */
  #scalar(node: Scalar.Parsed, key: boolean): string {
    const source = this.#text.slice(node.range[0], node.range[1]);
    if (node.type === 'PLAIN' && (key || typeof node.value === 'string') && !/\s/.test(source)) return source;
    if (node.value === null) return '';
    // numbers and booleans, which JSON writes as YAML does
    return typeof node.value === 'string' ? quotedOrPlain(node.value, node.type) : JSON.stringify(node.value);
  }

  #write(text: string, depth: number): void {
    this.#lines.push({ code: ' '.repeat(depth * STEP) + text, depth });
    this.#opened = false;
    this.#empty = undefined;
  }

  #append(text: string): void {
    const line = this.#lines.at(-1);
    if (line !== undefined) line.code += text;
  }

  /** Comments and an empty line that stand in front of an entry. */
  #begin(offset: number, depth: number): void {
    this.#flush(offset, { depth, column: this.#blocks.findLast((block) => block.depth === depth)?.column });
    this.#gap(offset);
    while ((this.#blocks.at(-1)?.depth ?? 0) > depth) this.#blocks.pop();
  }

  #flush(end: number, next: { depth: number; column: number | undefined }): void {
    for (let comment = this.#comments[this.#nextComment]; comment !== undefined && comment.offset < end; comment = this.#comments[this.#nextComment]) {
      this.#nextComment += 1;
      const line = this.#lines.at(-1);
      if (!comment.ownLine && line !== undefined && line.comment === undefined && !line.code.trimStart().startsWith('#')) {
        line.comment = comment.text;
        continue;
      }
      this.#gap(comment.offset);
      const depth = comment.ownLine ? this.#depthOf(comment, next) : next.depth;
      this.#lines.push({ code: ' '.repeat(depth * STEP) + comment.text, depth });
    }
  }

  /** A comment that stands behind what was written last, on the same line. */
  #trailing(end: number): void {
    const comment = this.#comments[this.#nextComment];
    const line = this.#lines.at(-1);
    if (comment === undefined || line === undefined || comment.ownLine || !/^[ \t,\]}]*$/.test(this.#text.slice(end, comment.offset))) return;
    this.#nextComment += 1;
    line.comment = comment.text;
  }

  /** A comment belongs to the innermost block that is as far to the left as it is, if that is not over by then. */
  #depthOf({ column, offset }: Comment, next: { depth: number; column: number | undefined }): number {
    if (column === next.column) return next.depth;
    const open = this.#blocks.filter((block) => (block.column === undefined ? offset < block.end : block.column <= column));
    const innermost = open.at(-1);
    const depth = Math.max(next.depth, innermost?.depth ?? 0);
    // what is commented out below a name that has nothing else
    return this.#empty === depth + 1 && column > (innermost?.column ?? column) ? depth + 1 : depth;
  }

  #gap(offset: number): void {
    const lineStart = this.#text.lastIndexOf('\n', offset - 1) + 1;
    const alone = /^[\s?-]*$/.test(this.#text.slice(lineStart, offset));
    const before = this.#text.slice(0, Math.max(0, lineStart - 1));
    const blank = lineStart > 0 && before.slice(before.lastIndexOf('\n') + 1).trim() === '';
    if (alone && blank && !this.#opened && this.#lines.length > 0 && this.#lines.at(-1)?.code !== '') this.#lines.push({ code: '', depth: 0 });
    this.#opened = false;
  }

  #commentWithin({ range }: ParsedNode): boolean {
    const comment = this.#comments[this.#nextComment];
    return comment !== undefined && comment.offset > range[0] && comment.offset < range[1];
  }

  #columnOf(offset: number, list: boolean): number {
    const lineStart = this.#text.lastIndexOf('\n', offset - 1) + 1;
    const dash = list ? this.#text.slice(lineStart, offset).indexOf('-') : -1;
    return dash < 0 ? offset - lineStart : dash;
  }
}

/** Where an entry's first word stands. */
function startOf(item: unknown, parent: ParsedNode): number {
  if (isPair(item)) return (item.key as ParsedNode).range[0];
  if (isMap(item) && item.flow !== true && item.items[0] !== undefined) return startOf(item.items[0], parent);
  return (item as ParsedNode | undefined)?.range[0] ?? parent.range[0];
}

/** Comments behind entries of one level, in lines that follow each other, start in one column. */
function alignComments(lines: readonly Line[]): void {
  for (let from = 0; from < lines.length; from += 1) {
    if (lines[from]?.comment === undefined) continue;
    let to = from;
    while (lines[to + 1]?.comment !== undefined && lines[to + 1]?.depth === lines[from]?.depth) to += 1;
    const run = lines.slice(from, to + 1);
    const width = Math.max(...run.map(({ code }) => code.trimEnd().length)) + 2;
    for (const line of run) line.code = line.code.trimEnd().padEnd(width);
    from = to;
  }
}

/** A text that was written in some other way than plainly on one line. */
function quotedOrPlain(value: string, type: Scalar.Parsed['type']): string {
  const quoted = type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE';
  return !quoted && /^[A-Za-z_/][\w./@+=-]*$/.test(value) && !/^(?:true|false|null)$/i.test(value) ? value : JSON.stringify(value);
}
