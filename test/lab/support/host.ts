import { baseOf, bootHost, diskOf, guestOf, insideGuest, stopHost, type HostState, type RunningLab } from './boot.ts';
import { execute, must, type CommandOptions, type CommandResult } from './command.ts';
import { treeOf, type Image } from './images.ts';
import { BRIDGE, amongKeeper, inNetwork } from './namespace.ts';

/** A running host of the lab, handled from outside: none of this needs its sshd or its network. */
export interface LabHost {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly image: Image;
  /** `vb-h1` in the lab's namespace: the operator's end of its link. */
  readonly link: string;
  /** Runs a shell script (`sh -eu`) as root inside the host; arguments arrive as $1, $2, ...; two minutes at most, unless given. */
  run(script: string, options?: CommandOptions & { readonly args?: readonly string[] }): Promise<CommandResult>;
  /** As `run`, but throws unless the script exits 0. Returns its output. */
  must(script: string, options?: CommandOptions & { readonly args?: readonly string[] }): Promise<string>;
  readFile(path: string): Promise<string>;
  /** Writes a file as root, with its folders; mode 0644 unless given. */
  writeFile(path: string, content: string, mode?: number): Promise<void>;
  /** The host's public keys as lines of text (`ssh-ed25519 AAAA... root@name`). */
  hostKeys(): Promise<HostKeys>;
  /** From now on packets to the host vanish, as behind a dead switch: connections hang, none is refused. */
  cutLink(): Promise<void>;
  restoreLink(): Promise<void>;
  /** A power cut and a new boot of the same disk; returns when sshd greets again. */
  reboot(): Promise<void>;
  /** A power cut. */
  powerOff(): Promise<void>;
  powerOn(): Promise<void>;
}

export type HostKeys = Readonly<Record<'ed25519' | 'ecdsa' | 'rsa', string>>;

/** Makes the host's disk: an empty layer over the base system of its image, with what has to be its own. */
export async function createDisk(lab: RunningLab, host: HostState): Promise<void> {
  const script = `
    disk=$1 name=$2 address=$3 base=$4 lower=$5
    mkdir -p "$disk/upper" "$disk/work" "$disk/root"
    mount -t overlay ensign-lab -o "lowerdir=$base:$lower,upperdir=$disk/upper,workdir=$disk/work" "$disk/root"
    printf '%s\\n' "$name" >"$disk/root/etc/hostname"
    printf '127.0.0.1 localhost\\n127.0.1.1 %s %s\\n::1 localhost\\n' "$name" "\${name%%.*}" >"$disk/root/etc/hosts"
    printf 'ADDRESS=%s/24\\n' "$address" >"$disk/root/etc/lab-address"
    tr -d - </proc/sys/kernel/random/uuid >"$disk/root/etc/machine-id"
    for type in rsa ecdsa ed25519; do
      ssh-keygen -q -t "$type" -N '' -C "root@$name" -f "$disk/root/etc/ssh/ssh_host_\${type}_key"
    done
    # sshd of 10.6 and newer uses a fourth, which older tools cannot make
    chroot "$disk/root" ssh-keygen -q -t mldsa44-ed25519 -N '' -C "root@$name" -f /etc/ssh/ssh_host_mldsa44_ed25519_key >/dev/null 2>&1 || :`;
  await must(amongKeeper(lab.keeper, ['sh', '-euc', script, 'sh', `${diskOf(lab)}/${host.slot}`, host.name, host.address, baseOf(lab, host.image), treeOf(host.image)]));
}

/** Unmounts and removes the disk of a host that is down. */
export async function removeDisk(lab: RunningLab, host: HostState): Promise<void> {
  await must(amongKeeper(lab.keeper, ['sh', '-euc', 'umount "$1/root"; rm -rf "$1"', 'sh', `${diskOf(lab)}/${host.slot}`]));
}

export function labHost(lab: RunningLab, host: HostState): LabHost {
  const link = `vb-${host.slot}`;
  const network = (...argv: string[]): Promise<string> => must(inNetwork(lab.namespace, argv));
  const shell: LabHost['run'] = (script, options = {}) => {
    const guest = guestOf(lab, host);
    if (guest === undefined) throw new Error(`${host.name} is down`);
    return execute(insideGuest(guest, ['env', '-i', ...GUEST_ENVIRONMENT, 'sh', '-euc', script, 'sh', ...(options.args ?? [])]), { timeoutMs: 120_000, ...options });
  };
  const mustRun: LabHost['must'] = async (script, options) => {
    const result = await shell(script, options);
    if (result.code !== 0) throw new Error(`${host.name}: exit ${result.code} of: ${script}\n${result.stdout}${result.stderr}`);
    return result.stdout;
  };
  return {
    name: host.name,
    address: host.address,
    port: 22,
    image: host.image,
    link,
    run: async (script, options) => shell(script, options),
    must: mustRun,
    readFile: (path) => mustRun('cat -- "$1"', { args: [path] }),
    writeFile: async (path, content, mode = 0o644) => {
      const script = 'mkdir -p -- "$(dirname -- "$1")"; cat >"$1"; chmod "$2" -- "$1"';
      await mustRun(script, { input: content, args: [path, mode.toString(8)] });
    },
    hostKeys: async () => {
      const text = (type: string): Promise<string> => mustRun('cat "/etc/ssh/ssh_host_$1_key.pub"', { args: [type] }).then((line) => line.trim());
      return { ed25519: await text('ed25519'), ecdsa: await text('ecdsa'), rsa: await text('rsa') };
    },
    cutLink: async () => {
      // without an entry that never ages, the kernel would ask for the host's address in vain and tell the caller so
      const mac = JSON.parse(await mustRun('ip -json link show host0')) as { address: string }[];
      await network('ip', 'neighbour', 'replace', host.address, 'lladdr', mac[0]?.address ?? '', 'nud', 'permanent', 'dev', BRIDGE);
      await network('ip', 'link', 'set', link, 'down');
    },
    restoreLink: async () => {
      await network('ip', 'link', 'set', link, 'up');
      await network('ip', 'neighbour', 'delete', host.address, 'dev', BRIDGE);
    },
    reboot: async () => {
      await stopHost(lab, host);
      await bootHost(lab, host);
    },
    powerOff: () => stopHost(lab, host),
    powerOn: () => bootHost(lab, host),
  };
}

const GUEST_ENVIRONMENT = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C'];
