/** Explains a failed sign-in to the person in a sentence, by the registered error codes of OAuth and OpenID Connect. */
import { AuthorizationResponseError, ResponseBodyError } from 'oauth4webapi';

/** https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1 and https://openid.net/specs/openid-connect-core-1_0.html#AuthError */
const SENTENCES: Readonly<Record<string, string>> = {
  access_denied: 'The sign-in was cancelled, or this account may not use the page.',
  temporarily_unavailable: 'Sign-in is not available at the moment. Please try again soon.',
  server_error: 'Sign-in is not available at the moment. Please try again soon.',
  invalid_grant: 'This sign-in took too long or has already been used. Please sign in again.',
};

/** The issuer would have to ask the person, which a silent sign-in forbids. */
const NEEDS_THE_PERSON: ReadonlySet<string> = new Set([
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
]);

/** Undefined for an error without a registered code. */
function errorCodeOf(thrown: unknown): string | undefined {
  return thrown instanceof AuthorizationResponseError || thrown instanceof ResponseBodyError
    ? thrown.error
    : undefined;
}

export function needsThePerson(thrown: unknown): boolean {
  return NEEDS_THE_PERSON.has(errorCodeOf(thrown) ?? '');
}

const TRANSIENT: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error']);

/** The issuer refused, and would refuse again. */
export function isRefusal(thrown: unknown): boolean {
  const code = errorCodeOf(thrown);
  return code !== undefined && !TRANSIENT.has(code);
}

export function failureSentence(thrown: unknown): string {
  const code = errorCodeOf(thrown);
  if (code !== undefined) {
    const description = (thrown as ResponseBodyError | AuthorizationResponseError).error_description;
    return SENTENCES[code] ?? `The sign-in was refused (${code}${description ? `: ${description}` : ''}).`;
  }
  if (thrown instanceof TypeError) return 'Sign-in cannot be reached. Check the connection and try again.';
  return 'The answer does not belong to this sign-in. Please sign in again.';
}
