const WHO = /^[A-Za-z0-9][A-Za-z0-9._@:/+=-]*$/;
const LONGEST_WHO = 128;

/**
 * The key id of a certificate: `WHO/WHY/REQUEST`, for example `alice@example.com/login/3f9c2e7ab01d`. sshd logs it as
 * `ID ... (serial N)`, so it has no spaces, brackets or quotes; WHO may hold slashes, the last two parts never do.
 * The request id leads to the ledger record, where the reason stands in full.
 */
export function formatKeyId(who: string, why: string, requestId: string): string {
  return `${who}/${slug(why)}/${requestId}`;
}

/** Takes a key id apart again; undefined for one that ensign did not make. */
export function parseKeyId(keyId: string): { who: string; why: string; requestId: string } | undefined {
  const [, who, why, requestId] = /^(.+)\/([a-z0-9.-]{1,40})\/([a-z0-9-]{1,40})$/.exec(keyId) ?? [];
  if (who === undefined || why === undefined || requestId === undefined || whoProblem(who) !== undefined) return undefined;
  return { who, why, requestId };
}

/** Why a text cannot stand for who asks; undefined when it can. */
export function whoProblem(who: string): string | undefined {
  if (who === '') return 'nobody is named';
  if (who.length > LONGEST_WHO) return `the identity is longer than ${LONGEST_WHO} characters`;
  if (!WHO.test(who)) return `the identity ${JSON.stringify(who)} may hold only letters, digits and . _ @ : / + = - and starts with a letter or a digit`;
  return undefined;
}

function slug(why: string): string {
  return why
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 40)
    .replace(/-+$/, '');
}
