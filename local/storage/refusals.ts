/** Makes the answers for a missing token or right, in the form and the words of the service. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Service } from './account.ts';

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** The reason why the token is not accepted. */
  readonly detail?: string;
  readonly challenge?: string;
}

const VERSION = '2021-12-02';
/** This machine has no tenants, but clients require one in the first part of the path. */
const TENANT = '00000000-0000-0000-0000-000000000000';

/** https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#bearer-challenge */
export function challengeOf(issuer: string, audience: string): string {
  return `Bearer authorization_uri=${issuer.replace(/\/$/, '')}/${TENANT}/oauth2/authorize resource_id=${audience}`;
}

/** 401. Without `detail`: no credentials at all. */
export function unauthenticated(challenge: string, detail?: string): Refusal {
  return {
    status: 401,
    code: detail === undefined ? 'NoAuthenticationInformation' : 'InvalidAuthenticationInfo',
    message:
      'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.',
    challenge,
    ...(detail === undefined ? {} : { detail }),
  };
}

export const NO_RIGHT: Refusal = {
  status: 403,
  code: 'AuthorizationPermissionMismatch',
  message: 'This request is not authorized to perform this operation using this permission.',
};

/** With the service's code for it: https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes */
export const NOT_SUPPORTED: Refusal = {
  status: 501,
  code: 'NotImplemented',
  message: 'Access policies and user delegation keys are not supported with a token here.',
};

export const BAD_URI: Refusal = {
  status: 400,
  code: 'InvalidUri',
  message: 'The requested URI does not represent any resource on the server.',
};

export const TOO_LARGE: Refusal = {
  status: 413,
  code: 'RequestBodyTooLarge',
  message: 'The request body is too large and exceeds the maximum permissible limit.',
};

export const NO_KEYS: Refusal = {
  status: 503,
  code: 'ServerBusy',
  message: 'The issuer of the token cannot be asked for its keys.',
};

/** XML, or JSON for tables. */
export function refuse(response: ServerResponse, service: Service, refusal: Refusal): void {
  const { status, code, detail, challenge } = refusal;
  const id = randomUUID();
  const message = `${refusal.message}\nRequestId:${id}\nTime:${new Date().toISOString()}`;
  const body =
    service === 'table'
      ? JSON.stringify({ 'odata.error': { code, message: { lang: 'en-US', value: message } } })
      : `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message>${
          detail === undefined ? '' : `<AuthenticationErrorDetail>${detail}</AuthenticationErrorDetail>`
        }</Error>`;
  response.writeHead(status, {
    'content-type': service === 'table' ? 'application/json' : 'application/xml',
    'content-length': Buffer.byteLength(body),
    'x-ms-error-code': code,
    'x-ms-request-id': id,
    'x-ms-version': VERSION,
    ...(challenge === undefined ? {} : { 'www-authenticate': challenge }),
  });
  response.end(body);
}
