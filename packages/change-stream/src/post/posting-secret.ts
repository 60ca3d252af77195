import Type from 'typebox';

/** What a source proves itself with, as a setting: it is sent as a bearer token (RFC 6750 section 2.1). */
export const postingSecret = Type.String({
  pattern: '^[A-Za-z0-9._~+/-]{32,}=*$',
  description: 'a secret of at least 32 letters, digits and ._~+/-',
});
