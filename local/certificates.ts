/**
 * Keeps a certificate authority in the data folder, which issues certificates for servers on loopback: the SDKs send tokens
 * only over TLS.
 *
 * C1 The authority is created once and kept; a server's certificate is new at each start and never written to disk.
 * C2 Only its owner can read the authority's key.
 * C3 Certificates name localhost and the loopback addresses, nothing else.
 * C4 Certificates follow RFC 5280 strictly, as Python's clients and `openssl verify -x509_strict` demand: both key identifiers, and
 *    UTCTime until 2049.
 *
 * https://www.rfc-editor.org/rfc/rfc5280
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Authority {
  /** PEM, the content for `NODE_EXTRA_CA_CERTS` and the like. */
  readonly certificate: string;
  /** The file with that PEM. */
  readonly file: string;
  /** A new key and certificate for a server on this machine, both PEM. */
  issue(commonName?: string): { readonly key: string; readonly cert: string };
}

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3_650;
/** Clients refuse longer-lived certificates of servers. */
const SERVER_DAYS = 397;
const AUTHORITY_NAME = 'Local development authority';

/** Opens the authority in `folder` (`ca.crt`, `ca.key`), or creates it. @throws Error when its files are damaged */
export function openAuthority(folder: string): Authority {
  mkdirSync(folder, { recursive: true });
  const [file, keyFile] = [join(folder, 'ca.crt'), join(folder, 'ca.key')];
  if (!existsSync(file) || !existsSync(keyFile)) makeAuthority(file, keyFile);
  const certificate = readFileSync(file, 'utf8');
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(keyFile));
    if (!new X509Certificate(certificate).checkPrivateKey(key)) throw new Error('key and certificate differ');
  } catch (error) {
    throw new Error(
      `${file} and ${keyFile} do not fit together: delete both; new ones are made at the next start`,
      {
        cause: error,
      },
    );
  }
  return { certificate, file, issue: (commonName = 'localhost') => issue(key, commonName) };
}

function makeAuthority(file: string, keyFile: string): void {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = certificateOf({
    subject: AUTHORITY_NAME,
    publicKey,
    signer: privateKey,
    days: AUTHORITY_DAYS,
    extensions: [
      extension(BASIC_CONSTRAINTS, true, sequence(TRUE)),
      extension(KEY_USAGE, true, bits(0b0000_0110, 1)),
    ],
  });
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(file, pem);
}

function issue(authority: KeyObject, commonName: string): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names = sequence(
    tagged(0x82, Buffer.from('localhost')),
    tagged(0x87, Buffer.of(127, 0, 0, 1)),
    tagged(0x87, Buffer.concat([Buffer.alloc(15), Buffer.of(1)])),
  );
  const cert = certificateOf({
    subject: commonName,
    publicKey,
    signer: authority,
    days: SERVER_DAYS,
    extensions: [
      extension(BASIC_CONSTRAINTS, true, sequence()),
      extension(KEY_USAGE, true, bits(0b1000_0000, 7)),
      extension(EXTENDED_KEY_USAGE, false, sequence(SERVER_AUTH)),
      extension(SUBJECT_ALT_NAME, false, names),
    ],
  });
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert };
}

// The part of DER that a certificate needs.

function tagged(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...length), body]);
}

const sequence = (...content: readonly Buffer[]) => tagged(0x30, ...content);
const bits = (byte: number, unused: number) => tagged(0x03, Buffer.of(unused, byte));
const oid = (...bytes: readonly number[]) => tagged(0x06, Buffer.from(bytes));

const TRUE = tagged(0x01, Buffer.of(0xff));
const COMMON_NAME = oid(0x55, 0x04, 0x03);
const BASIC_CONSTRAINTS = oid(0x55, 0x1d, 0x13);
const KEY_USAGE = oid(0x55, 0x1d, 0x0f);
const EXTENDED_KEY_USAGE = oid(0x55, 0x1d, 0x25);
const SUBJECT_ALT_NAME = oid(0x55, 0x1d, 0x11);
const SUBJECT_KEY_IDENTIFIER = oid(0x55, 0x1d, 0x0e);
const AUTHORITY_KEY_IDENTIFIER = oid(0x55, 0x1d, 0x23);
const SERVER_AUTH = oid(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01);
const ECDSA_WITH_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));

function extension(id: Buffer, critical: boolean, value: Buffer): Buffer {
  return sequence(id, ...(critical ? [TRUE] : []), tagged(0x04, value));
}

function nameOf(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(COMMON_NAME, tagged(0x0c, Buffer.from(commonName)))));
}

/** UTCTime, `261123101500Z`, through 2049, GeneralizedTime, `20501123101500Z`, from 2050 (RFC 5280, 4.1.2.5). */
export function timeOf(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : tagged(0x18, Buffer.from(`${digits}Z`));
}

/** Length of a P-256 point, which ends the DER form of a public key. */
const POINT_BYTES = 65;

/** SHA-1 of the public key's bits (RFC 5280, 4.2.1.2, method 1): it names a key and protects nothing. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-POINT_BYTES);
  return createHash('sha1').update(point).digest();
}

interface Contents {
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly days: number;
  readonly extensions: readonly Buffer[];
}

function certificateOf({ subject, publicKey, signer, days, extensions }: Contents): string {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40;
  const identifiers = [
    extension(SUBJECT_KEY_IDENTIFIER, false, tagged(0x04, keyIdentifier(publicKey))),
    extension(
      AUTHORITY_KEY_IDENTIFIER,
      false,
      sequence(tagged(0x80, keyIdentifier(createPublicKey(signer)))),
    ),
  ];
  const now = Date.now();
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.of(2))),
    tagged(0x02, serial),
    ECDSA_WITH_SHA256,
    nameOf(AUTHORITY_NAME),
    sequence(timeOf(new Date(now - DAY_MS)), timeOf(new Date(now + days * DAY_MS))),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions, ...identifiers)),
  );
  const signature = sign('sha256', body, signer);
  const der = sequence(body, ECDSA_WITH_SHA256, tagged(0x03, Buffer.of(0), signature));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
