/** Keeps the key that signs the tokens on disk, so tokens outlive a restart. */
import type { webcrypto } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';

export const ALGORITHM = 'ES256';

export interface SigningKey {
  readonly privateKey: webcrypto.CryptoKey;
  readonly publicJwk: JWK;
  readonly kid: string;
}

/** Creates the key at the first call. @throws Error that says what to do when the file is damaged */
export async function loadSigningKey(dataDir: string): Promise<SigningKey> {
  const file = join(dataDir, 'signing-key.json');
  const text = await readFile(file, 'utf8').catch(absent);
  if (text === undefined) return parse(await create(dataDir, file), file);
  return parse(text, file);
}

async function create(dataDir: string, file: string): Promise<string> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const text = JSON.stringify(await exportJWK(privateKey));
  await mkdir(dataDir, { recursive: true });
  const handle = await open(`${file}.new`, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  return text;
}

async function parse(text: string, file: string): Promise<SigningKey> {
  try {
    const jwk = JSON.parse(text) as JWK;
    const privateKey = await importJWK(jwk, ALGORITHM);
    if (!(privateKey instanceof CryptoKey) || privateKey.type !== 'private') {
      throw new Error('it holds no private key');
    }
    const { d: _private, ...publicPart } = jwk;
    const kid = await calculateJwkThumbprint(publicPart);
    return { privateKey, kid, publicJwk: { ...publicPart, kid, alg: ALGORITHM, use: 'sig' } };
  } catch (error) {
    throw new Error(`${file} is damaged (${(error as Error).message}); delete it, and tokens in use end`, {
      cause: error,
    });
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
