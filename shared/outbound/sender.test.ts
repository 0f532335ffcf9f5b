import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAuthority } from 'azure-local/certificates';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSender, type SenderOptions } from './sender.ts';

let plain: Server;
let secure: Server;
let authority: string;
let folder: string;
/** Paths that arrived, in order. */
const arrived: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outbound-'));
  const issuer = openAuthority(folder);
  authority = issuer.certificate;
  const listener: Parameters<typeof createServer>[1] = (request, response) => {
    arrived.push(request.url ?? '');
    if (request.url === '/moved') return response.writeHead(302, { location: '/elsewhere' }).end();
    if (request.url === '/large') return response.end('x'.repeat(200_000));
    if (request.url !== '/silent') response.end(request.headers['x-test'] ?? 'here');
  };
  plain = createServer(listener);
  secure = createTlsServer(issuer.issue(), listener);
  for (const server of [plain, secure]) {
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
  }
});
afterAll(async () => {
  for (const server of [plain, secure]) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

const portOf = (server: Server) => (server.address() as AddressInfo).port;
const at = (path: string) => arrived.filter((each) => each === path).length;
const sender = (more: Partial<SenderOptions> = {}) =>
  createSender({ allowLoopback: false, ca: authority, ...more });
const post = (url: string) => ({ url, method: 'POST', body: '{}', timeoutMs: 2_000 }) as const;
/** Resolves every name to the next of these addresses; the last one stays. */
const resolvingTo = (...addresses: string[]): LookupFunction => {
  return (_name, options, callback) => {
    const address = (addresses.length > 1 ? addresses.shift() : addresses[0]) ?? '';
    const family = address.includes(':') ? 6 : 4;
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
};

// biome-ignore format: a table of spellings
const INNER = [
  '127.0.0.1', '127.1', '127.0.1', '127.255.255.254', '2130706433', '0x7f000001', '0x7f.1', '0x7f.0x0.0x0.0x1',
  '0177.0.0.1', '017700000001', '127.0.0.1.', '127。0。0。1', '①②⑦.0.0.1', '%31%32%37.0.0.1', '0', '0.0.0.0',
  '0.1.2.3', '[::1]', '[0:0:0:0:0:0:0:1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]',
  '[::ffff:0:127.0.0.1]', '[64:ff9b::127.0.0.1]', '[64:ff9b::7f00:1]', '[64:ff9b:1::7f00:1]', '[2002:7f00:1::]',
  '[2001::7f00:1]', '10.0.0.1', '167772161', '0xa.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', '3232235521',
  '169.254.169.254', '2852039166', '0xa9fea9fe', '[::ffff:169.254.169.254]', '[fd00:ec2::254]', '[fe80::1]', '[fec0::1]',
  '[fc00::1]', '[ff02::1]', '100.64.0.1', '168.63.129.16', '[::ffff:168.63.129.16]', '192.0.0.192', '192.0.2.1',
  '198.18.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '[2001:db8::1]',
  '[3fff::1]', '[100::1]', '[5f00::1]',
];

describe('an inner address (O1)', () => {
  test.each(INNER)('%s is refused when it is named and when it is called', async (host) => {
    const port = portOf(secure);
    const url = `https://${host}:${port}/inner`;
    await expect(sender().reasonAgainst(url)).resolves.toMatch(/^must be a/);
    await expect(sender().send(post(url))).rejects.toThrow(/must be a/);
    expect(at('/inner')).toBe(0);
  });

  test.each([
    '127.0.0.1',
    '::1',
    '10.1.2.3',
    '169.254.169.254',
    '168.63.129.16',
    '::ffff:10.0.0.1',
    '::7f00:1',
    'fe80::1',
  ])('%s behind a name is refused when it is named and when it is called', async (address) => {
    const guarded = sender({ lookup: resolvingTo(address) });
    const url = `https://receiver.example:${portOf(secure)}/behind-a-name`;
    await expect(guarded.reasonAgainst(url)).resolves.toBe('must be a public address');
    await expect(guarded.send(post(url))).rejects.toThrow(
      'the name resolves to an address that is not public',
    );
    expect(at('/behind-a-name')).toBe(0);
  });

  test('is refused when the name led to a public one before', async () => {
    const url = `https://localhost:${portOf(secure)}/rebound`;
    const changing = sender({ lookup: resolvingTo('8.8.8.8', '127.0.0.1') });
    await expect(changing.reasonAgainst(url)).resolves.toBeUndefined();
    await expect(changing.send(post(url))).rejects.toThrow('not public');
    expect(at('/rebound')).toBe(0);
    const open = sender({ allowLoopback: true, lookup: resolvingTo('8.8.8.8', '127.0.0.1') });
    await expect(open.reasonAgainst(url)).resolves.toBeUndefined();
    await expect(open.send(post(url))).resolves.toMatchObject({ status: 200 });
  });

  test('is refused when it is one of several', async () => {
    const both: LookupFunction = (_name, _options, callback) =>
      callback(null, [
        { address: '8.8.8.8', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]);
    const guarded = sender({ lookup: both });
    await expect(guarded.reasonAgainst('https://receiver.example/')).resolves.toBe(
      'must be a public address',
    );
    await expect(guarded.send(post('https://receiver.example/'))).rejects.toThrow('not public');
  });
});

describe('a URL', () => {
  test.each([
    ['http://receiver.example/', 'must begin with https://'],
    ['ftp://receiver.example/', 'must begin with https://'],
    ['file:///etc/passwd', 'must begin with https://'],
    ['https://user@receiver.example/', 'must not contain a user name or password'],
    ['https://user:word@receiver.example/', 'must not contain a user name or password'],
    [`https://receiver.example/${'x'.repeat(2_048)}`, 'must have at most 2048 characters'],
    ['nowhere', 'must be a URL'],
  ])('%.40s is refused', async (url, reason) => {
    const guarded = sender({ lookup: resolvingTo('8.8.8.8') });
    await expect(guarded.reasonAgainst(url)).resolves.toBe(reason);
    await expect(guarded.send(post(url))).rejects.toThrow(reason);
  });

  test('of 2,048 characters, of a public address, or of a name that does not resolve now, is allowed', async () => {
    const head = 'https://receiver.example/';
    const guarded = sender({ lookup: resolvingTo('8.8.8.8') });
    await expect(guarded.reasonAgainst(head + 'x'.repeat(2_048 - head.length))).resolves.toBeUndefined();
    await expect(guarded.reasonAgainst('https://[2606:4700::1111]:8443/x')).resolves.toBeUndefined();
    const nowhere: LookupFunction = (_name, _options, callback) => callback(new Error('ENOTFOUND'), '', 4);
    await expect(sender({ lookup: nowhere }).reasonAgainst(head)).resolves.toBeUndefined();
  });

  test('of loopback is for one machine only, and a setting may name it literally (O2, O4)', async () => {
    const http = `http://127.0.0.1:${portOf(plain)}/plain`;
    const https = `https://127.0.0.1:${portOf(secure)}/secure`;
    await expect(sender({ allowLoopback: true }).send(post(http))).resolves.toMatchObject({ text: 'here' });
    await expect(sender().send({ ...post(http), trusted: true })).rejects.toThrow('must begin with https://');
    await expect(sender().send({ ...post(https), trusted: true })).resolves.toMatchObject({ status: 200 });
    const byName = `https://localhost:${portOf(secure)}/by-name`;
    await expect(sender().send({ ...post(byName), trusted: true })).rejects.toThrow('not public');
    expect([at('/plain'), at('/secure'), at('/by-name')]).toEqual([1, 1, 0]);
  });
});

describe('an answer (O3)', () => {
  const local = () => sender({ allowLoopback: true });
  const url = (path: string) => `http://127.0.0.1:${portOf(plain)}${path}`;

  test('that redirects is an error, and the other address is not called', async () => {
    await expect(local().send(post(url('/moved')))).rejects.toThrow('the receiver redirects (302)');
    expect([at('/moved'), at('/elsewhere')]).toEqual([1, 0]);
  });

  test('that is too large is an error, unless only its status counts', async () => {
    await expect(local().send(post(url('/large')))).rejects.toThrow('larger than 65536 bytes');
    await expect(local().send({ ...post(url('/large')), statusOnly: true })).resolves.toEqual({
      status: 200,
      text: '',
    });
  });

  test('that does not come is an error after the time allowed', async () => {
    await expect(local().send({ ...post(url('/silent')), timeoutMs: 50 })).rejects.toThrow('no answer');
  });

  test('has the status and text; the request has its headers', async () => {
    const request = { ...post(url('/')), headers: { 'x-test': 'seen' } };
    await expect(local().send(request)).resolves.toEqual({ status: 200, text: 'seen' });
  });
});
