// SHA-1 (ssh-rsa) and DSA, which ssh2 would take, are left out
const HOST_KEY_ALGORITHMS = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'rsa-sha2-512', 'rsa-sha2-256'] as const;

/** All that we accept, the types first that somebody knows the host by: a host shows only the key that is agreed on. */
export function hostKeyAlgorithms(types: readonly string[] = []): (typeof HOST_KEY_ALGORITHMS)[number][] {
  const rank = (algorithm: string): number => {
    const at = types.indexOf(algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm);
    return at === -1 ? types.length : at;
  };
  return [...HOST_KEY_ALGORITHMS].sort((a, b) => rank(a) - rank(b));
}
