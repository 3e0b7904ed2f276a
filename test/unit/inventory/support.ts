import { AppError } from '../../../src/base/errors.ts';
import type { Host } from '../../../src/inventory/host.ts';
import { loadInventory, type LoadOptions } from '../../../src/inventory/load.ts';

/** An inventory with this YAML below `groups: web: hosts:`, each line of it indented by six. The first is line 5. */
export function withHosts(...lines: readonly string[]): string {
  return ['version: 1', 'environment: staging', 'groups:', '  web:', '    hosts:', ...lines.map((line) => `      ${line}`), ''].join('\n');
}

export function hostsOf(text: string, options?: LoadOptions): readonly Host[] {
  return loadInventory(text, 'inv.yaml', options).hosts;
}

/** Every mistake of a text as `line:column code`, in the order of the report. */
export function mistakesIn(text: string, options?: LoadOptions): string[] {
  return errorsIn(text, options).map((error) => `${error.at?.line ?? '-'}:${error.at?.column ?? '-'} ${error.code}`);
}

export function errorsIn(text: string, options?: LoadOptions): readonly AppError[] {
  try {
    loadInventory(text, 'inv.yaml', options);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.exit !== 2 || error.hint === '') throw new Error('a mistake in a file ends with exit code 2', { cause: error });
    return error.details.length > 0 ? error.details : [error];
  }
  return [];
}
