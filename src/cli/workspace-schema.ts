import { z } from 'zod';
import { parseDuration } from '../base/duration.ts';
import { AppError } from '../base/errors.ts';
import { isPlainText } from '../base/text.ts';

const plain = z.string().min(1, 'expected some text').refine(isPlainText, 'control and invisible characters are not allowed');

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
    type: z.enum(['user', 'host']),
    principals: z.array(plain),
    ttl: duration,
    minTtl: duration,
    maxTtl: duration,
    backdate: duration,
    extensions: z.array(plain),
    allowedExtensions: z.array(plain),
    criticalOptions: z.array(plain),
  })
  .partial();

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
      keys: z.enum(['files', 'agent']).default('files'),
    })
    .default({ directory: 'ca', keys: 'files' }),
  /** People's principals are written `environment/principal` everywhere. */
  scopePrincipals: z.boolean('expected true or false').default(true),
  profiles: z.record(plain, profile).default({}),
});

export type WorkspaceConfig = z.infer<typeof workspaceSchema>;
