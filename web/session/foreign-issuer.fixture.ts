/** An issuer as Entra ID lays itself out: its endpoints are not below the issuer, and only discovery names them. */
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { answerJson, startServer, type TestServer } from '../../tests/harness/http-server.ts';

export interface ForeignIssuer extends TestServer {
  readonly issuer: string;
  /** Changes what it answers; tests write into it. */
  readonly twist: Twist;
}

interface Twist {
  /** Claims of the next ID token that differ from the right ones. */
  claims?: { readonly nonce?: string; readonly iss?: string; readonly aud?: string };
  /** Parameters that the next redirect carries instead. */
  redirect?: Readonly<Record<string, string>>;
  /** The next answers of the token endpoint, by status and body. */
  tokenAnswers: { readonly status: number; readonly body: unknown }[];
  withoutIdToken?: boolean;
}

export async function startForeignIssuer(): Promise<ForeignIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const twist: Twist = { tokenAnswers: [] };
  const nonces = new Map<string, string>();
  let codes = 0;
  let tokens = 0;

  const tokenAnswer = async (form: URLSearchParams, issuer: string) => {
    tokens += 1;
    const idToken = await new SignJWT({
      name: 'Alice',
      roles: ['customer'],
      account: 'contoso',
      nonce: nonces.get(form.get('code') ?? ''),
      ...twist.claims,
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .setIssuer(twist.claims?.iss ?? issuer)
      .setSubject('alice')
      .setAudience(twist.claims?.aud ?? form.get('client_id') ?? '')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey);
    return {
      access_token: `access-${tokens}`,
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: `refresh-${tokens}`,
      ...(twist.withoutIdToken ? {} : { id_token: idToken }),
    };
  };

  const server = await startServer((request, response, body) => {
    const url = new URL(request.url ?? '/', origin());
    const issuer = `${origin()}/tenant/v2.0`;
    switch (url.pathname) {
      case '/tenant/v2.0/.well-known/openid-configuration':
        return answerJson(response, 200, {
          issuer,
          authorization_endpoint: `${origin()}/tenant/oauth2/v2.0/authorize?policy=drones`,
          token_endpoint: `${origin()}/tenant/oauth2/v2.0/token`,
          end_session_endpoint: `${origin()}/tenant/oauth2/v2.0/logout`,
          jwks_uri: `${origin()}/keys`,
          response_types_supported: ['code'],
          id_token_signing_alg_values_supported: ['RS256'],
          authorization_response_iss_parameter_supported: true,
        });
      case '/keys':
        return void exportJWK(publicKey).then((key) =>
          answerJson(response, 200, { keys: [{ ...key, kid: 'k1' }] }),
        );
      case '/tenant/oauth2/v2.0/authorize': {
        codes += 1;
        nonces.set(`code-${codes}`, url.searchParams.get('nonce') ?? '');
        const back = new URL(url.searchParams.get('redirect_uri') ?? '');
        const redirected = { state: url.searchParams.get('state') ?? '', iss: issuer };
        const answer = { code: `code-${codes}`, ...redirected };
        for (const [name, value] of Object.entries(
          twist.redirect ? { ...redirected, ...twist.redirect } : answer,
        ))
          back.searchParams.set(name, value);
        return void response.writeHead(302, { location: back.href }).end();
      }
      case '/tenant/oauth2/v2.0/token': {
        const planned = twist.tokenAnswers.shift();
        if (planned) return answerJson(response, planned.status, planned.body);
        return void tokenAnswer(new URLSearchParams(body), issuer).then((answer) =>
          answerJson(response, 200, answer),
        );
      }
      default:
        return answerJson(response, 404);
    }
  });
  function origin(): string {
    return server.origin;
  }
  return Object.assign(server, { issuer: `${server.origin}/tenant/v2.0`, twist });
}
