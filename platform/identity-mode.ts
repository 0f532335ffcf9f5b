/** Prepares `--identity`: a certificate authority in the data folder, a certificate for the servers, and the authorities that clients trust. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAuthority } from 'azure-local/certificates';
import type { IdentityMode } from './settings.ts';

/** @throws Error when the authority's files are damaged */
export function openIdentityMode(dataDir: string): IdentityMode {
  const authority = openAuthority(join(dataDir, 'authority'));
  // Authorities that this machine already trusts beside the public ones stay trusted.
  const given = process.env['NODE_EXTRA_CA_CERTS'];
  const others = given && existsSync(given) ? readFileSync(given, 'utf8') : '';
  const authorities = join(dataDir, 'authority', 'trusted.pem');
  writeFileSync(authorities, `${others.trimEnd()}\n${authority.certificate}`.trimStart());
  return { tls: authority.issue(), authorities };
}
