import { z } from 'zod';
import { parseDuration } from '../base/duration.ts';
import { AppError } from '../base/errors.ts';
import { isPlainText } from '../base/text.ts';
import { DEFAULT_PROFILES, defineProfile } from '../ca/profile.ts';

const keys = { error: (issue: { code?: string | undefined }) => (issue.code === 'invalid_type' ? 'expected keys with values' : undefined) };
const yesOrNo = z.boolean('expected true or false');
const plain = z.string('expected some text').min(1, 'expected some text').refine(isPlainText, 'control and invisible characters are not allowed');

const duration = z.string('expected a duration such as 16h').transform((text, context) => {
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    context.addIssue({ code: 'custom', message: `${error.message}; ${error.hint ?? ''}` });
    return z.NEVER;
  }
});

const profile = z
  .strictObject({
    type: z.enum(['user', 'host'], 'expected user or host'),
    principals: z.array(plain, 'expected a list'),
    ttl: duration,
    minTtl: duration,
    maxTtl: duration,
    backdate: duration,
    extensions: z.array(plain, 'expected a list'),
    allowedExtensions: z.array(plain, 'expected a list'),
    criticalOptions: z.array(plain, 'expected a list'),
  }, keys)
  .partial();

const profiles = z.record(z.string(), profile, keys).superRefine((all, context) => {
  for (const [name, settings] of Object.entries(all)) {
    const problem = DEFAULT_PROFILES.get(name)?.internal === true ? "this profile is ensign's own: choose another name" : profileProblem(name, settings);
    if (problem !== undefined) context.addIssue({ code: 'custom', path: [name], message: problem });
  }
});

/** `ensign.yaml`. Unknown keys are mistakes. */
export const workspaceSchema = z.strictObject({
  version: z.literal(1, 'expected 1'),
  organization: plain.default('default'),
  ca: z
    .strictObject({
      directory: plain.default('ca'),
      /** A file with the passphrase of the CA keys, mode 0600; without it the passphrase is asked for. */
      passphraseFile: plain.optional(),
      /** Where the private keys are: in encrypted files, or in the ssh-agent behind SSH_AUTH_SOCK. */
      keys: z.enum(['files', 'agent'], 'expected files or agent').default('files'),
    })
    
    .default({ directory: 'ca', keys: 'files' }),
  /** People's principals are written `environment/principal` everywhere. */
  scopePrincipals: yesOrNo.default(true),
  profiles: profiles.default({}),
}, keys);

export type WorkspaceConfig = z.infer<typeof workspaceSchema>;

function profileProblem(name: string, settings: z.infer<typeof profile>): string | undefined {
  try {
    defineProfile(name, settings);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
}
