import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import type { LabHost } from './host.ts';
import type { TestWorkspace } from './workspace.ts';

/** One host of the JSON that `apply` and `plan` print, as far as tests look at it. */
export interface ReportedHost {
  readonly name: string;
  readonly outcome?: string;
  readonly status?: string;
  readonly code?: string;
  readonly summary?: string;
  readonly hint?: string;
  readonly refusals?: readonly { readonly code: string; readonly message: string; readonly hint: string }[];
  readonly notices?: readonly { readonly code: string; readonly message: string }[];
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}

export interface Report {
  readonly code: number;
  readonly hosts: readonly ReportedHost[];
  readonly stderr: string;
}

/** Runs a command with `--json` and reads what it reports of each host. */
export async function reported(workspace: TestWorkspace, ...args: readonly string[]): Promise<Report> {
  return reportOf(await workspace.ensign(...args, '--json'));
}

/** Reads the output of a command that ran with `--json`. */
export function reportOf({ code, stdout, stderr }: { readonly code: number; readonly stdout: string; readonly stderr: string }): Report {
  try {
    return { code, stderr, hosts: (JSON.parse(stdout) as { hosts: ReportedHost[] }).hosts };
  } catch {
    throw new Error(`not a report (exit ${code}): ${stdout}${stderr}`);
  }
}

/** An inventory of one group; `entries` is host name -> its settings in YAML's flow style. */
export function inventoryText(environment: string, defaults: string, entries: Readonly<Record<string, string>>, logins = '{ root: [sre], deploy: [sre, deployers] }'): string {
  return `version: 1
environment: ${environment}
defaults: { ${defaults} }
groups:
  all:
    hosts:
${Object.entries(entries).map(([name, settings]) => `      ${name}: { ${settings} }\n`).join('')}    logins: ${logins}
`;
}

/** Every file that decides how sshd behaves, and ensign's own: modes, owners, bytes, what sshd makes of them, units. */
export async function snapshot(host: LabHost): Promise<string> {
  return host.must(`find /etc/ssh /etc/systemd/system /etc/cron.d /var/lib/ensign -printf '%p %m %u %g %l\\n' 2>/dev/null | grep -v '^/var/lib/ensign/transactions' | sort
    find /etc/ssh /var/lib/ensign -type f ! -path '*/transactions/*' -exec sha256sum {} + 2>/dev/null | sort
    systemctl list-units --all --plain --no-legend 'ensign*' 2>/dev/null || true
    mkdir -p /run/sshd; sshd -T 2>/dev/null | sha256sum`);
}

/** Number of certificates that the workspace's CA has issued. */
export function issuedCount(workspace: TestWorkspace): number {
  const database = new Database(join(workspace.root, 'ca/ensign.db'), { readonly: true, fileMustExist: true });
  try {
    return (database.prepare('select count(*) as issued from certificates').get() as { issued: number }).issued;
  } finally {
    database.close();
  }
}

/** Expects that `plan` and `apply` both refuse the one host with this code, that nothing changed on it and nothing was issued. */
export async function expectRefused(workspace: TestWorkspace, host: LabHost, inventory: string, code: string): Promise<ReportedHost> {
  const before = { host: await snapshot(host), issued: issuedCount(workspace) };
  const plan = await reported(workspace, 'plan', '-i', inventory, '--limit', host.name);
  expect(plan.hosts).toMatchObject([{ status: 'refused' }]);
  expect(plan.hosts[0]?.refusals?.map((r) => r.code)).toContain(code);
  expect(plan.code).toBe(4);
  const apply = await reported(workspace, 'apply', '-i', inventory, '--limit', host.name, '--yes');
  expect(apply.hosts).toMatchObject([{ outcome: 'failed', code, summary: expect.stringMatching(/^refused, nothing changed: /) as string, hint: expect.stringMatching(/./) as string }]);
  expect(apply.code).toBe(4);
  expect({ host: await snapshot(host), issued: issuedCount(workspace) }).toEqual(before);
  return apply.hosts[0] ?? { name: host.name };
}
