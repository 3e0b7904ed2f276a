import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { must } from './command.ts';
import { amongMachine } from './machine.ts';
import { readJson } from './state.ts';

/** What hosts of the lab can be made of: the machine's own system, or a Debian of another age. */
export const IMAGES = ['machine', 'bullseye', 'bookworm', 'trixie', 'sid', 'sysvinit'] as const;
export type Image = (typeof IMAGES)[number];

/** The four generations of OpenSSH that the whole main job is tried on: 8.4, 9.2, 10.0 and what Debian unstable has. */
export const GENERATIONS = ['bullseye', 'bookworm', 'trixie', 'sid'] as const satisfies readonly Image[];

/** Where trees are kept between labs. Outside of the repository, and not in memory: a tree has 250 MB. */
export const CACHE = '/var/cache/ensign-lab';

/** A tree in the cache. */
export interface CachedImage {
  /** Its folder's name: the image and the digest of its recipe. */
  readonly name: string;
  readonly image: string;
  readonly openssh: string;
  readonly builtAt: string;
  /** False when the recipe has changed since: no lab uses it any more. */
  readonly current: boolean;
}

interface Recipe {
  readonly suite: string;
  readonly packages: readonly string[];
}

const SERVER = ['dbus', 'iproute2', 'openssh-server', 'sudo'];
const RECIPES: Readonly<Record<Exclude<Image, 'machine'>, Recipe>> = {
  bullseye: { suite: 'bullseye', packages: [...SERVER, 'systemd', 'systemd-sysv'] },
  bookworm: { suite: 'bookworm', packages: [...SERVER, 'systemd', 'systemd-sysv'] },
  trixie: { suite: 'trixie', packages: [...SERVER, 'systemd', 'systemd-sysv'] },
  sid: { suite: 'sid', packages: [...SERVER, 'systemd', 'systemd-sysv'] },
  // a Debian 12 whose PID 1 is System V init: no unit, no timer, no systemd-run
  sysvinit: { suite: 'bookworm', packages: [...SERVER, 'cron', 'sysvinit-core'] },
};

export function isImage(word: string): word is Image {
  return (IMAGES as readonly string[]).includes(word);
}

/** The tree that hosts of an image are layers over; `/` for the machine's own system. Throws when it has not been built. */
export function treeOf(image: Image): string {
  if (image === 'machine') return '/';
  const tree = `${folderOf(image)}/tree`;
  if (!existsSync(tree)) throw new Error(`the image ${image} has not been built: npm run lab -- images --build ${image}`);
  return tree;
}

/**
 * Builds what is missing of these images, from Debian's mirror: about a minute each, once for a machine and a recipe. Has to be
 * called outside of a lab, whose network has no way out. Somebody who builds the same image is waited for.
 * @param say is told before something takes long
 */
export async function buildImages(images: readonly Image[], say: (line: string) => void): Promise<void> {
  for (const image of new Set(images)) {
    if (image === 'machine' || existsSync(folderOf(image))) continue;
    say(`building the image ${image} in ${CACHE}: about a minute`);
    await build(image);
  }
}

/** Every tree in the cache, also those of older recipes. */
export function cachedImages(): CachedImage[] {
  const names = existsSync(CACHE) ? readdirSync(CACHE).filter((name) => !name.startsWith('.')) : [];
  return names.sort().flatMap((name) => {
    const record = readJson<Omit<CachedImage, 'name' | 'current'>>(`${CACHE}/${name}/image.json`);
    return record === undefined ? [] : [{ ...record, name, current: isImage(record.image) && record.image !== 'machine' && folderOf(record.image) === `${CACHE}/${name}` }];
  });
}

/** Removes the cached trees of these images, or all. Not while a lab is up, whose hosts may stand on them. */
export async function removeImages(images: readonly string[]): Promise<string[]> {
  const gone = cachedImages().filter(({ image }) => images.length === 0 || images.includes(image));
  for (const { name } of gone) {
    // under another name first: half a tree must not be taken for one
    renameSync(`${CACHE}/${name}`, `${CACHE}/.gone-${name}`);
  }
  await must(['sh', '-euc', 'rm -rf --one-file-system "$1"/.gone-* "$1"/.building-*', 'sh', CACHE]);
  return gone.map(({ name }) => name);
}

function folderOf(image: Exclude<Image, 'machine'>): string {
  const { suite, packages } = RECIPES[image];
  const digest = createHash('sha256').update(JSON.stringify([suite, [...packages].sort(), BUILD])).digest('hex').slice(0, 10);
  return `${CACHE}/${image}-${digest}`;
}

async function build(image: Exclude<Image, 'machine'>): Promise<void> {
  mkdirSync(CACHE, { recursive: true, mode: 0o755 });
  const { suite, packages } = RECIPES[image];
  // the kernel lets go of the lock when the builder ends, however it ends
  const alone = ['flock', `${CACHE}/.lock-${image}`, 'unshare', '--mount', '--propagation', 'private', 'sh', '-euc', BUILD, 'sh'];
  const mirrors = (process.env['ENSIGN_LAB_MIRROR'] ?? MIRRORS).split(' ');
  await must(amongMachine([...alone, image, folderOf(image), `${CACHE}/.building-${image}`, suite, packages.join(','), ...mirrors]), { timeoutMs: 1_800_000 });
}

/** The second has the suites that the first has let go of. */
const MIRRORS = 'http://deb.debian.org/debian http://archive.debian.org/debian';

/**
 * $1 image, $2 folder, $3 temporary folder, $4 suite, $5 packages, then mirrors that are tried in turn. In a mount namespace of its
 * own: what debootstrap mounts and leaves behind ends with it.
 */
const BUILD = `
  image=$1 folder=$2 unborn=$3 suite=$4 packages=$5; shift 5
  # somebody else may have built it while we waited
  if [ -e "$folder" ]; then exit 0; fi
  rm -rf --one-file-system "$unborn"
  mkdir -p "$unborn"
  tree=$unborn/tree
  for mirror in "$@"; do
    if debootstrap --variant=minbase --include="$packages" "$suite" "$tree" "$mirror" >"$unborn/log" 2>&1; then built=$mirror; break; fi
    tail -n 15 "$unborn/log" >&2
    rm -rf --one-file-system "$tree"
  done
  [ -n "\${built-}" ]
  for path in "$tree/proc" "$tree/sys"; do while mountpoint -q "$path"; do umount "$path"; done; done
  # every host makes its own
  rm -f "$tree"/etc/ssh/ssh_host_* "$tree/etc/machine-id" "$tree/etc/hostname" "$tree/etc/resolv.conf"
  rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/var/log/*
  openssh=$(chroot "$tree" dpkg-query --show --showformat='\${Version}' openssh-server)
  printf '{ "image": "%s", "openssh": "%s", "builtAt": "%s" }\n' "$image" "$openssh" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$unborn/image.json"
  rm "$unborn/log"
  sync -f "$unborn"
  mv "$unborn" "$folder"`;
