import { expect, test } from 'vitest';
import { readPort } from '../server-configuration.ts';
import { readConfig } from './config.ts';

test('a whole configuration is read as it is', () => {
  const config = {
    key: 'a2V5',
    partitionRanges: 3,
    tls: { key: 'key.pem', cert: 'cert.pem', port: 8082 },
    issuer: 'http://127.0.0.1:8090',
    audience: 'api://cosmos',
    roles: { service: { orders: 'write', '*': 'read' } },
  };
  expect(readConfig(JSON.stringify(config))).toEqual(config);
  expect(readConfig('{}')).toEqual({});
});

test.each([
  ['nonsense', /not JSON/],
  ['[]', /not an object/],
  ['{"ports": 1}', /unknown part: ports/],
  ['{"key": 5}', /key .* is not a text/],
  ['{"partitionRanges": 0}', /partitionRanges .* from 1 to 64/],
  ['{"tls": {"key": "k"}}', /tls .* cert/],
  ['{"tls": {"key": "k", "cert": "c", "port": 70000}}', /tls/],
  ['{"issuer": "nowhere"}', /issuer .* address/],
  ['{"roles": {"a": {"b": "own"}}}', /roles/],
])('%s is refused with what is wrong', (text, message) => {
  expect(() => readConfig(text)).toThrow(message);
});

test('a port is a whole number up to 65535', () => {
  expect([readPort('0'), readPort(8081)]).toEqual([0, 8081]);
  for (const bad of ['x', '-1', '65536', '1.5']) expect(() => readPort(bad)).toThrow(/not a port/);
});
