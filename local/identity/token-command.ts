/** Implements `npm run token -- WHO`: prints a new token for a principal, signed with the key in the data folder. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Principal } from './principals.ts';
import { loadSigningKey } from './signing-key.ts';
import { createTokens } from './tokens.ts';

const HOURS = 12;

export interface SavedIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly principals: readonly Principal[];
}

const fileIn = (dataDir: string) => join(dataDir, 'issuer.json');

/** The file that the running issuer writes for the command. */
export async function saveIssuer(dataDir: string, issuer: SavedIssuer): Promise<void> {
  await writeFile(fileIn(dataDir), JSON.stringify(issuer), { mode: 0o600 });
}

/**
 * Arguments: `WHO [--data DIR] [--hours N] [--audience A]`; the issuer's folder is `identity` in DIR, default `.data`.
 * Returns the token. @throws Error with one line that says what to do
 */
export async function tokenCommand(argv: readonly string[]): Promise<string> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      data: { type: 'string', default: '.data' },
      hours: { type: 'string', default: String(HOURS) },
      audience: { type: 'string' },
    },
  });
  const dataDir = join(values.data, 'identity');
  const saved = await readSaved(dataDir);
  const [who] = positionals;
  const principal = saved.principals.find(({ id }) => id === who);
  if (!principal || positionals.length !== 1) {
    const ids = saved.principals.map(({ id }) => id).join(', ');
    throw new Error(`say whose token: one of ${ids}`);
  }
  const ttlSeconds = Number(values.hours) * 3600;
  if (!(ttlSeconds > 0)) throw new Error('--hours must be a number above 0');
  const tokens = createTokens(await loadSigningKey(dataDir), saved.issuer, () => new Date());
  return tokens.access(principal, {
    audience: values.audience ?? saved.audience,
    ttlSeconds: Math.round(ttlSeconds),
    clientId: 'demonstration',
  });
}

async function readSaved(dataDir: string): Promise<SavedIssuer> {
  try {
    return JSON.parse(await readFile(fileIn(dataDir), 'utf8')) as SavedIssuer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error(
      'nothing has run with this data yet: npm start first, or name its folder with --data DIR',
      {
        cause: error,
      },
    );
  }
}
