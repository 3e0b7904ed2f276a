/** An OpenSSH version, from a banner (`SSH-2.0-OpenSSH_9.2p1 Debian-2`) or from `sshd -V`. */
export interface OpenSshVersion {
  readonly major: number;
  readonly minor: number;
  readonly text: string;
}

/** Finds `OpenSSH_X.Y` anywhere in a text; undefined for other servers. */
export function parseOpenSshVersion(text: string): OpenSshVersion | undefined {
  const match = /OpenSSH_(\d{1,3})\.(\d{1,3})\w*/.exec(text);
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), text: match[0].replace('OpenSSH_', '') };
}

/** True when the version is at least `major.minor`; an unknown version is taken as new. */
export function atLeast(version: OpenSshVersion | undefined, major: number, minor: number): boolean {
  if (version === undefined) return true;
  return version.major > major || (version.major === major && version.minor >= minor);
}
