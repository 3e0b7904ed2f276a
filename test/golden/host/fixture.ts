import { readFileSync } from 'node:fs';
import { parseFacts } from '../../../src/host/parse-facts.ts';
import type { HostFacts } from '../../../src/host/facts.ts';
import { planHost, type PlanInput } from '../../../src/host/plan.ts';
import type { HostPlan } from '../../../src/host/plan-types.ts';
import { splitSections } from '../../../src/host/probe-output.ts';
import type { TrustSpec } from '../../../src/host/spec.ts';
import { renderTemplate } from '../../../src/sshd/templates-adapter.ts';
import { parsePublicKeyLine } from '../../../src/wire/public-key.ts';

/** The moment at which the probe of `bookworm.probe.txt` was recorded. */
export const RECORDED_AT = 1795325600;

/** What a Debian 12 host answered to the probe, as recorded on a lab host. */
export function bookwormFacts(change: Partial<HostFacts> = {}): HostFacts {
  const text = readFileSync(new URL('bookworm.probe.txt', import.meta.url), 'utf8');
  return { ...parseFacts(splitSections(text, 'MK'), RECORDED_AT), ...change };
}

export const USER_CA = parsePublicKeyLine('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEyVyUqIOYEGenys98Mec4h54CZZNNuJZ0ll0pQwUWrS user').key;
export const HOST_CA = parsePublicKeyLine('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAWwO6ei+mPyA1Agx1TLW8dAWuMU0T7GTtnHRBQVzkIt host').key;

export const SPEC: TrustSpec = {
  userAuthorities: [USER_CA],
  hostAuthority: HOST_CA,
  principals: new Map([
    ['root', ['staging/sre']],
    ['deploy', ['staging/sre', 'staging/web-deployers']],
  ]),
  names: ['web-01.stg.lab.test', '10.99.0.11', 'web-01'],
  backdate: 60,
};

export function plan(facts: HostFacts, change: Partial<PlanInput> = {}): HostPlan {
  return planHost({
    facts,
    spec: SPEC,
    state: undefined,
    renderDropIn: (directives) => renderTemplate('host/drop-in.conf.hbs', { directives: directives.map((d) => ({ ...d })) }),
    ...change,
  });
}

/** The facts after a plan was carried out: what a second look would see. `certificates` gives the line for each path. */
export function factsAfter(facts: HostFacts, done: HostPlan, certificates: ReadonlyMap<string, string>, sha256: (text: string) => string): HostFacts {
  const files = new Map(facts.files);
  for (const change of done.changes) {
    const text = change.kind === 'file' ? change.after : `${certificates.get(change.path) ?? ''}\n`;
    if (text === undefined) files.delete(change.path);
    else files.set(change.path, { path: change.path, mode: change.kind === 'file' ? change.mode : '644', owner: '0:0', sha256: sha256(text), text });
  }
  return { ...facts, files, directories: new Set([...facts.directories, ...done.directories.map((d) => d.path)]) };
}
