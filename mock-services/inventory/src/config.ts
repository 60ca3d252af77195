import { postingSecret } from '@portico/change-stream/post/posting-secret.ts';
import { ConfigError, readConfig } from '@portico/runtime/config.ts';
import Type from 'typebox';

const settings = Type.Object({
  /** Where changes are posted; without it, inventory says nothing itself. */
  CHANGES_URL: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s/@,]+(,https?://[^\\s/@,]+)*$',
      description: 'http:// or https:// URLs without a path, separated by commas',
    }),
  ),
  /** What inventory proves itself with there. */
  CHANGES_SECRET: Type.Optional(postingSecret),
});

export interface PostingConfig {
  readonly urls: readonly string[];
  readonly secret: string;
}

/** Where inventory posts its changes; undefined where it does not. @throws ConfigError */
export function readPostingConfig(env: NodeJS.ProcessEnv): PostingConfig | undefined {
  const { CHANGES_URL: urls, CHANGES_SECRET: secret } = readConfig(settings, env);
  if (urls === undefined) return undefined;
  if (secret === undefined) throw new ConfigError('CHANGES_SECRET is not set: CHANGES_URL needs it');
  return { urls: urls.split(','), secret };
}
