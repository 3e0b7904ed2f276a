/**
 * What `sshd -T` printed: keyword (lower case) -> its values in order. Keywords repeat for lists such as `hostkey`.
 * Versions differ in the case of keywords (8.4 lower, 10.6 CamelCase), never in their spelling.
 */
export type EffectiveConfig = ReadonlyMap<string, readonly string[]>;

/** Reads the output of `sshd -T`; lines without a value keep an empty one. Never throws: unknown lines are kept as they are. */
export function parseEffectiveConfig(text: string): EffectiveConfig {
  const config = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    // no pattern that looks twice at a character: a hostile host may send a line of megabytes
    const text = line.trimEnd();
    if (text === '' || /^\s/.test(text)) continue;
    const end = text.search(/[ \t]/);
    const keyword = (end === -1 ? text : text.slice(0, end)).toLowerCase();
    const values = config.get(keyword) ?? [];
    values.push(end === -1 ? '' : text.slice(end).trimStart());
    config.set(keyword, values);
  }
  return config;
}

/** The first value of a keyword; `none`, which sshd prints for most unset files, counts as unset. */
export function effectiveValue(config: EffectiveConfig, keyword: string): string | undefined {
  const value = config.get(keyword.toLowerCase())?.[0];
  return value === undefined || value === '' || value.toLowerCase() === 'none' ? undefined : value;
}

/** Every value of a keyword, `none` left out. */
export function effectiveValues(config: EffectiveConfig, keyword: string): readonly string[] {
  return (config.get(keyword.toLowerCase()) ?? []).filter((value) => value !== '' && value.toLowerCase() !== 'none');
}

/** A comma list such as `hostkeyalgorithms`, under the first of several names that this version prints; undefined when it prints none. */
export function effectiveList(config: EffectiveConfig, ...keywords: readonly string[]): readonly string[] | undefined {
  for (const keyword of keywords) {
    const value = effectiveValue(config, keyword);
    if (value !== undefined) return value.split(',');
  }
  return undefined;
}
