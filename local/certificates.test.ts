import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAuthority, timeOf } from './certificates.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'authority-'));
});

afterAll(() => rm(folder, { recursive: true }));

test('a client that trusts the authority reaches a server by name and by address, another does not', async () => {
  const authority = openAuthority(folder);
  const server = createServer(authority.issue(), (_, response) => response.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const answer = (host: string, ca?: string) =>
    new Promise<number | string | undefined>((resolve) => {
      get({ host, port, agent: false, servername: 'localhost', ...(ca ? { ca } : {}) }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    });
  expect(await answer('localhost', authority.certificate)).toBe(200);
  expect(await answer('127.0.0.1', authority.certificate)).toBe(200);
  expect(await answer('localhost')).not.toBe(200);
  server.close();
  await once(server, 'close');
});

test('the authority is kept, its key for its owner only', async () => {
  const first = openAuthority(folder);
  expect(openAuthority(folder).certificate).toBe(first.certificate);
  expect((await stat(join(folder, 'ca.key'))).mode & 0o777).toBe(0o600);
  expect(await readFile(first.file, 'utf8')).toBe(first.certificate);
});

test('certificates name loopback and are signed by the authority', () => {
  const authority = openAuthority(folder);
  const certificate = new X509Certificate(authority.issue('cosmos').cert);
  const ca = new X509Certificate(authority.certificate);
  expect(ca.ca).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificate.verify(ca.publicKey)).toBe(true);
  expect(certificate.subjectAltName).toMatch(/DNS:localhost, IP Address:127\.0\.0\.1/);
  expect(certificate.serialNumber).not.toBe(new X509Certificate(authority.issue('cosmos').cert).serialNumber);
});

test('files that do not fit together are refused with what to do', async () => {
  const other = await mkdtemp(join(tmpdir(), 'authority-'));
  openAuthority(other);
  await writeFile(join(other, 'ca.crt'), openAuthority(folder).certificate);
  expect(() => openAuthority(other)).toThrow(/delete both/);
  await rm(other, { recursive: true });
});

const openssl = (...args: string[]) => spawnSync('openssl', args, { encoding: 'utf8' });

test.skipIf(openssl('version').error !== undefined)(
  'C4 openssl verify -x509_strict accepts a certificate and its authority (skipped where openssl is not on PATH)',
  async () => {
    const authority = openAuthority(folder);
    const file = join(folder, 'server.crt');
    await writeFile(file, authority.issue().cert);
    const strict = ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'localhost'];
    const { stdout, stderr } = openssl(...strict, '-CAfile', authority.file, file);
    expect(stderr).toBe('');
    expect(stdout).toBe(`${file}: OK\n`);
    expect(openssl('verify', '-x509_strict', '-CAfile', authority.file, authority.file).stderr).toBe('');
  },
);

test.each([
  ['2026-11-23T10:15:00Z', 0x17, '261123101500Z'],
  ['2049-12-31T23:59:59Z', 0x17, '491231235959Z'],
  ['2050-01-01T00:00:00Z', 0x18, '20500101000000Z'],
])('C4 %s is written with the tag %i as %s', (time, tag, text) => {
  const der = timeOf(new Date(time));
  expect([der[0], der.subarray(2).toString()]).toEqual([tag, text]);
});
