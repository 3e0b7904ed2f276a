/** Where everything that ensign puts on a host lives. */
export const PATHS = {
  directory: '/etc/ssh/ensign',
  userAuthorities: '/etc/ssh/ensign/user_ca.pub',
  principals: '/etc/ssh/ensign/principals',
  dropIn: '/etc/ssh/sshd_config.d/00-ensign.conf',
  mainConfig: '/etc/ssh/sshd_config',
  /** Where some distributions keep the file that counts while there is none in /etc. */
  vendorConfig: '/usr/etc/ssh/sshd_config',
  state: '/var/lib/ensign',
} as const;

/** The principals file of a login; sshd expands `%u` to the login's name (sshd_config(5), "TOKENS"). */
export function principalsPath(login: string): string {
  return `${PATHS.principals}/${login}`;
}

/** `ssh_host_ed25519_key` -> `/etc/ssh/ensign/ssh_host_ed25519_key-cert.pub`. */
export function certificatePath(hostKeyPath: string): string {
  return `${PATHS.directory}/${hostKeyPath.slice(hostKeyPath.lastIndexOf('/') + 1)}-cert.pub`;
}

/** One directive that ensign sets, as sshd spells it. */
export interface Directive {
  readonly keyword: string;
  readonly value: string;
}

/** The directives of the drop-in, in the order they are written. */
export function directives(certificatePaths: readonly string[]): Directive[] {
  return [
    { keyword: 'TrustedUserCAKeys', value: PATHS.userAuthorities },
    { keyword: 'AuthorizedPrincipalsFile', value: `${PATHS.principals}/%u` },
    ...certificatePaths.map((value) => ({ keyword: 'HostCertificate', value })),
  ];
}

/** The keywords that a change by ensign may alter in `sshd -T`; anything else that differs afterwards undoes the change. */
export const INTENDED_KEYWORDS = ['trustedusercakeys', 'authorizedprincipalsfile', 'hostcertificate'] as const;
