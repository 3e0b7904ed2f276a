import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import limited from 'p-limit';
import { scanHostCertificate } from '../src/ssh/scan.ts';
import { inTurns, median, milliseconds, perSecond, processorMilliseconds, ratios, rounded, type Bench } from './measure.ts';
import { SshdFleet } from './sshd-fleet.ts';

const TIMEOUT_MS = 60_000;
const AT_ONCE = 20; // as `ensign scan`

/**
 * Certificates of as many sshd's on this machine, against `ssh-keyscan`, which prints them but checks no signature.
 * Both share their processors with the sshd's that they ask.
 */
export const scanBench: Bench = {
  sizes: { full: { rounds: 5, count: 200 }, small: { rounds: 1, count: 3 } },
  async run({ rounds, count }) {
    const folder = mkdtempSync(join(tmpdir(), 'ensign-bench-'));
    const fleet = await SshdFleet.start(count);
    try {
      const list = join(folder, 'hosts');
      writeFileSync(list, `${fleet.addresses.join('\n')}\n`);
      const cpu: number[] = [];
      const ours = async (): Promise<number> => {
        await fleet.quiet();
        return milliseconds(async () => cpu.push((await processorMilliseconds(() => scanAll(fleet))) / count));
      };
      const peer = async (): Promise<number> => {
        await fleet.quiet();
        return milliseconds(() => keyscan(list, fleet));
      };
      const times = await inTurns(rounds, ours, peer);
      return {
        hosts: count,
        hosts_per_second: perSecond(count, median(times.ours)),
        keyscan_hosts_per_second: perSecond(count, median(times.peer)),
        ...ratios(times.peer, times.ours),
        cpu_ms_per_host: rounded(median(cpu.slice(1))),
      };
    } finally {
      await fleet.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function scanAll({ addresses, port }: SshdFleet): Promise<void> {
  const limit = limited(AT_ONCE);
  const scanned = await Promise.all(addresses.map((address) => limit(() => scanHostCertificate({ address, port, timeoutMs: TIMEOUT_MS }))));
  const certified = scanned.filter(({ certificate }) => certificate?.keyId === 'bench').length;
  if (certified !== addresses.length) throw new Error(`ensign saw ${certified} certificates of ${addresses.length}`);
}

async function keyscan(list: string, { addresses, port }: SshdFleet): Promise<void> {
  const { stdout } = await promisify(execFile)('ssh-keyscan', ['-c', '-t', 'ed25519', '-T', String(TIMEOUT_MS / 1000), '-p', String(port), '-f', list], { timeout: 2 * TIMEOUT_MS });
  const certified = stdout.split('\n').filter((line) => line.includes('-cert-v01@openssh.com')).length;
  if (certified !== addresses.length) throw new Error(`ssh-keyscan saw ${certified} certificates of ${addresses.length}`);
}
