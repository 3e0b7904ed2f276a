import { readFileSync } from 'node:fs';
import { parseFacts } from '../../../src/host/parse-facts.ts';
import { planHost } from '../../../src/host/plan.ts';
import { splitSections } from '../../../src/host/probe-output.ts';
import { formatState, readState, STATE_PATH } from '../../../src/host/state.ts';
import { includeReach, splitDirective, withBlockAtTop, withoutBlock } from '../../../src/sshd/config-text.ts';
import { PATHS } from '../../../src/sshd/drop-in.ts';
import { effectiveList, effectiveValues, parseEffectiveConfig } from '../../../src/sshd/effective.ts';
import { bookwormFacts, RECORDED_AT, SPEC } from '../../golden/host/fixture.ts';
import { loadSeeds } from '../corpus.ts';
import { mutateText } from '../mutate-text.ts';
import { assertSame, assertTrue, bytesOf, textOf, type Target } from '../target.ts';

const MARK = 'MK';
const PROBE = new URL('../../golden/host/bookworm.probe.txt', import.meta.url);
const PROBE_WORDS = ['MK ', '\nMK end\n', '\nMK host-key /etc/ssh/x\n', '\nMK file /etc/ssh/sshd_config\n', 'exit 0', 'ssh-ed25519', 'armed', 'confirmed', 'deadline 1', '[listener]', 'active', 'sshd.service', 'ssh.socket', 'port 22', 'hostkey /etc/ssh/../x', 'trustedusercakeys none'];
const EFFECTIVE_WORDS = ['port', 'hostkey', 'trustedusercakeys', 'none', 'authorizedprincipalsfile', 'hostkeyalgorithms', 'permitrootlogin', ','];
export const SSHD_WORDS = ['Include', 'Match', 'Match all', 'User', 'Port 22', 'HostKey', '"', '#', '=', '/etc/ssh/sshd_config.d/*.conf', '/etc/ssh/sshd_config.d/00-ensign.conf', '*', '[0-9]', '# BEGIN ensign (managed; keep this first)', '# END ensign'];

/** The targets that read what a host answered. */
export function hostTargets(): Target[] {
  return [effective(), sshdConfig(), probe(), state()];
}

function effective(): Target {
  const seeds = loadSeeds('sshd-T');
  const texts = seeds.map(textOf);
  return {
    name: 'sshd-T', weight: 4, areas: [], seeds,
    mutate: (seed, random) => bytesOf(mutateText(textOf(seed), random, EFFECTIVE_WORDS, texts)),
    run(input) {
      const text = textOf(input);
      const config = parseEffectiveConfig(text);
      const values = [...config.values()].reduce((sum, list) => sum + list.length, 0);
      const meant = text.split('\n').filter((line) => line.trim() !== '' && !/^\s/.test(line)).length;
      assertSame(values, meant, 'some lines are lost');
      for (const keyword of config.keys()) {
        effectiveList(config, keyword);
        for (const value of effectiveValues(config, keyword)) assertTrue(text.includes(value), 'a value that nobody printed');
      }
      return 'accepted';
    },
  };
}

function sshdConfig(): Target {
  const seeds = loadSeeds('sshd-config');
  const texts = seeds.map(textOf);
  return {
    name: 'sshd-config', weight: 8, areas: [], seeds,
    mutate: (seed, random) => bytesOf(mutateText(textOf(seed), random, SSHD_WORDS, texts)),
    run(input) {
      const text = textOf(input);
      const once = withBlockAtTop(text, 'Include /x');
      assertSame(withBlockAtTop(once, 'Include /x'), once, 'the block put in twice differs from once');
      const whole = text === '' || text.endsWith('\n') ? text : `${text}\n`;
      assertSame(withoutBlock(once), withoutBlock(whole), 'taking the block out does not give the rest back');
      for (const line of text.split('\n')) assertTrue(splitDirective(line).every((word) => !word.startsWith('#')), 'a comment was read as words');
      return includeReach(text, PATHS.dropIn);
    },
  };
}

/** Facts, and the plan that follows from them: a host may say what it likes, but not make the operator's process fall. */
function probe(): Target {
  const seeds = [new Uint8Array(readFileSync(PROBE)), ...loadSeeds('probe')];
  const texts = seeds.map(textOf);
  return {
    name: 'probe', weight: 2, areas: ['host/', 'template/'], seeds,
    mutate: (seed, random) => bytesOf(mutateText(textOf(seed), random, PROBE_WORDS, texts)),
    run(input) {
      const facts = parseFacts(splitSections(textOf(input), MARK), RECORDED_AT);
      const numbers = [facts.clock, facts.freeKib, facts.freeInodes, ...facts.transactions.map((t) => t.deadline), facts.reload?.kind === 'signal' ? facts.reload.pid : undefined];
      for (const number of numbers) assertTrue(number === undefined || (Number.isSafeInteger(number) && number >= 0), `a fact is the number ${String(number)}`);
      const plan = planHost({ facts, spec: SPEC, state: readState(facts), renderDropIn: (directives) => directives.map(({ keyword, value }) => `${keyword} ${value}\n`).join('') });
      for (const change of plan.changes) assertTrue(/^\/[\x21-\x7e]+$/.test(change.path), `the plan writes to ${JSON.stringify(change.path)}`);
      return plan.refusals.length === 0 ? 'accepted' : 'refused';
    },
  };
}

function state(): Target {
  const seeds = loadSeeds('state');
  const texts = seeds.map(textOf);
  return {
    name: 'state', weight: 3, areas: ['host/state-unreadable'], seeds,
    mutate: (seed, random) => bytesOf(mutateText(textOf(seed), random, ['"version": 1', '"__proto__"', '{', '}', '[', '"serials"', 'null'], texts)),
    run(input) {
      const facts = (text: string): ReturnType<typeof bookwormFacts> => bookwormFacts({ files: new Map([[STATE_PATH, { path: STATE_PATH, mode: '600', owner: '0:0', sha256: '', text }]]) });
      const read = readState(facts(textOf(input)));
      if (read === undefined) throw new Error('a file that is there was not read');
      assertSame(JSON.stringify(readState(facts(formatState(read)))), JSON.stringify(read), 'a state is written as another one');
      return 'accepted';
    },
  };
}
