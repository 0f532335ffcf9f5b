import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOMS } from '../../boundaries.ts';
import { SERVICES } from '../../shared/service-names.ts';
import { roomOf } from './rooms.ts';

const ROOT = join(import.meta.dirname, '../..');
const ORCHESTRATION = 'functions/scheduler/zz.orchestration.ts';
const SAGA = 'shared/saga/zz.ts';

/** Files that break one rule each: path, code, a part of the complaint. */
const FORBIDDEN = [
  // L1: rooms
  [
    'functions/drone/zz-service.ts',
    "export * from '../account/domain.ts';",
    'may not import functions/account',
  ],
  ['functions/drone/zz-type.ts', "export type { A } from '../account/domain.ts';", 'functions/account'],
  [
    'functions/drone/zz-lazy.ts',
    "export const a = () => import('../account/domain.ts');",
    'functions/account',
  ],
  ['functions/drone/zz-inline.ts', "export type A = import('../account/domain.ts').A;", 'functions/account'],
  ['functions/drone/zz-tracking.ts', "export * from '../../tracking/ports.ts';", 'may not import tracking'],
  ['functions/drone/zz-local.ts', "export * from '../../local/process.ts';", 'may not import local'],
  ['functions/drone/zz-server.ts', "export * from 'azure-local/cosmos';", 'does not know the servers'],
  ['simulator/zz-server.ts', "export * from 'azure-local/process';", 'does not know the servers'],
  ['local/cosmos/zz.test.ts', "export * from '../../shared/errors.ts';", 'local/tests may not import shared'],
  ['platform/zz-relative.ts', "export * from '../local/process.ts';", 'platform may not import local'],
  ['functions/drone/zz-test.ts', "export * from '../../tests/harness/service.ts';", 'may not import tests'],
  ['functions/drone/zz-fixture.ts', "export * from './zz.fixture.ts';", 'may not import tests'],
  ['shared/geo/zz.ts', "export * from '../../functions/drone/domain.ts';", 'may not import functions/drone'],
  ['shared/zz.ts', "export * from './http/client.ts';", 'shared may not import shared/http'],
  ['shared/telemetry/zz.ts', "export * from '../auth/verifier.ts';", 'shared may not import shared/auth'],
  ['shared/http/zz.ts', "export * from '../contracts/drones.ts';", 'may not import shared/contracts'],
  ['shared/cosmos/zz.ts', "export * from '../functions/service.ts';", 'may not import shared/functions'],
  [SAGA, "export * from '../contracts/flight.ts';", 'may not import shared/contracts'],
  ['tracking/zz.ts', "export * from '../functions/drone/domain.ts';", 'may not import functions/drone'],
  ['tracking/state/zz.ts', "export * from '../../simulator/geo.ts';", 'tracking may not import simulator'],
  ['web/zz.ts', "export { read } from '../shared/read.ts';", 'may import shared as types only'],
  ['web/zz-contract.ts', "export { getDrone } from '../shared/contracts/drones.ts';", 'as types only'],
  ['web/zz-tracking.ts', "export type * from '../tracking/ports.ts';", 'web may not import tracking'],
  ['simulator/zz.ts', "export * from '../functions/main.ts';", 'simulator may not import functions'],
  ['simulator/zz-tracking.ts', "export * from '../tracking/tracker.ts';", 'may not import tracking'],
  ['local/event-hubs/zz.ts', "export * from '../cosmos/server.ts';", 'may not import local/cosmos'],
  ['local/cosmos/zz.ts', "export * from '../../functions/main.ts';", 'may not import functions'],
  ['local/storage/zz.ts', "export * from '../../shared/errors.ts';", 'may not import shared'],
  ['local/zz.ts', "export * from './durable/engine.ts';", 'local may not import local/durable'],
  ['local/identity/zz.ts', "export * from '../../platform/settings.ts';", 'may not import platform'],
  ['platform/zz.ts', "export * from '../tests/harness/service.ts';", 'platform may not import tests'],
  ['zz-new-folder/zz.ts', "export * from './other.ts';", 'belongs to no room'],
  // L1: packages
  ['functions/drone/zz-app.ts', "export { app } from '@azure/functions';", 'register functions'],
  ['shared/outbox/zz.ts', "export { app } from '@azure/functions';", 'register functions'],
  ['functions/drone/zz.functions.ts', "export * from '@azure/functions-core';", 'only inside the host'],
  ['web/zz-node.ts', "export { join } from 'node:path';", 'do no I/O'],
  [ORCHESTRATION.replace('zz', 'zz-node'), "export { join } from 'node:path';", 'do no I/O'],
  [ORCHESTRATION.replace('zz', 'zz-zod'), "export { z } from 'zod';", 'do no I/O'],
  // L1, L2: orchestrations
  [
    ORCHESTRATION.replace('zz', 'zz-io'),
    "export { createWorkflowRepository } from './repository.ts';",
    'types only',
  ],
  [ORCHESTRATION.replace('zz', 'zz-date'), 'export const at = new Date();', 'same time'],
  [ORCHESTRATION.replace('zz', 'zz-text'), 'export const at = Date();', 'same time'],
  [ORCHESTRATION.replace('zz', 'zz-now'), 'export const at = Date.now();', 'no-restricted-properties'],
  [ORCHESTRATION.replace('zz', 'zz-random'), 'export const at = Math.random();', 'no-restricted-properties'],
  [
    ORCHESTRATION.replace('zz', 'zz-locale'),
    "export const a = 'a'.localeCompare('b');",
    'no-restricted-properties',
  ],
  [
    ORCHESTRATION.replace('zz', 'zz-field'),
    'export const f = (t: { result: 1 }) => t.result;',
    'no-restricted-properties',
  ],
  ...['Intl', 'crypto', 'process', 'performance', 'setTimeout', 'fetch', 'console', 'Buffer'].map(
    (name) =>
      [
        ORCHESTRATION.replace('zz', `zz-${name}`),
        `export const a = ${name};`,
        'no-restricted-globals',
      ] as const,
  ),
  // L3
  ['functions/drone/zz-json.ts', "export const a: unknown = JSON.parse('1');", 'shared/read.ts'],
  ['functions/drone/zz-safe.ts', "import { A } from './schemas.ts'; A.safeParse(1);", 'shared/read.ts'],
  ['shared/http/zz-parse.ts', "import { A } from './schemas.ts'; A.parse(1);", 'shared/read.ts'],
  ['simulator/zz-async.ts', "import { A } from './schemas.ts'; void A.parseAsync(1);", 'shared/read.ts'],
  // Cycles, of types too
  ['shared/geo/zz-one.ts', "import type { B } from './zz-two.ts'; export type A = B[];", 'no-cycle'],
  ['shared/geo/zz-two.ts', "import type { A } from './zz-one.ts'; export type B = A[];", 'no-cycle'],
] as const;

const ALLOWED = [
  ['functions/drone/zz-ok.ts', "export * from '../../shared/contracts/drones.ts';"],
  ['functions/drone/zz-types.ts', "export type { HttpRequest } from '@azure/functions';"],
  ['functions/drone/zz-dates.ts', "export const at = [Date.parse('2026'), new Date()];"],
  ['functions/drone/zz.test.ts', "export * from '../account/domain.ts'; JSON.parse('1');"],
  ['functions/scheduler/zz-steps.ts', "export { app } from './zz.orchestration.ts';"],
  [
    ORCHESTRATION,
    "import type { Step } from './steps.ts'; export const app = (s: Step, t: string) => [s, new Date(t)];",
  ],
  ['shared/functions/zz.ts', "export { app } from '@azure/functions';"],
  ['web/zz-ok.ts', "import type { Drone } from '../shared/contracts/drones.ts'; export type A = Drone;"],
  ['platform/zz-ok.ts', "export * from 'azure-local/process'; export * from '../functions/main.ts';"],
] as const;

let folder: string;
let complaints: ReadonlyMap<string, readonly string[]>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rooms-'));
  for (const path of [
    'oxlint.config.ts',
    'boundaries.ts',
    'scripts/lint',
    'shared/service-names.ts',
    'shared/read.ts',
  ]) {
    cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const files = [...FORBIDDEN, ...ALLOWED];
  for (const [path, code] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `${code}\n`);
  }
  complaints = lint(files.map(([path]) => path));
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function lint(paths: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const oxlint = join(ROOT, 'node_modules/oxlint/bin/oxlint');
  let output: string;
  try {
    output = execFileSync(process.execPath, [oxlint, '-f', 'json', ...paths], {
      cwd: folder,
      encoding: 'utf8',
    });
  } catch (error) {
    output = (error as { stdout: string }).stdout;
  }
  const { diagnostics } = JSON.parse(output) as {
    diagnostics: { code: string; message: string; filename: string }[];
  };
  const byFile = Map.groupBy(diagnostics, ({ filename }) => filename);
  return new Map(
    [...byFile].map(([file, list]) => [file, list.map(({ code, message }) => `${code} ${message}`)]),
  );
}

describe('lint', () => {
  test.each(FORBIDDEN)('refuses %s: %s', (path, _code, complaint) => {
    expect(complaints.get(path)?.filter((text) => text.includes(complaint))).not.toEqual([]);
    expect(complaints.get(path)).toBeDefined();
  });

  test.each(ALLOWED)('accepts %s: %s', (path) => {
    expect(complaints.get(path) ?? []).toEqual([]);
  });
});

describe('the table of rooms', () => {
  const importsOf = (name: string) => ROOMS.find((room) => room.name === name)?.imports ?? [];
  const named = (prefix: string) => ROOMS.filter(({ name }) => name.startsWith(prefix));
  const product = /^(functions|tracking|web|simulator|platform)/;
  const outside = /^(?!local)/;

  test('names only rooms that there are', () => {
    const names = new Set(ROOMS.map(({ name }) => name));
    const used = ROOMS.flatMap(({ imports, types = [] }) => [...imports, ...types]);
    expect(used.filter((name) => !names.has(name))).toEqual([]);
  });

  test('has no import that runs up: the rooms can be put in an order', () => {
    const placed = new Set<string>();
    for (let before = -1; before !== placed.size; ) {
      before = placed.size;
      for (const { name, imports } of ROOMS) if (imports.every((one) => placed.has(one))) placed.add(name);
    }
    const left = ROOMS.filter(({ name }) => !placed.has(name)).map(({ name }) => name);
    expect(left.filter((name) => !name.endsWith('tests') && name !== 'scripts')).toEqual([]);
  });

  test('keeps services apart, shared/ below them, and local/ without the product', () => {
    for (const service of SERVICES) {
      expect(
        importsOf(`functions/${service}`).filter((name) => /^functions\/(?!scheduler\/)/.test(name)),
      ).toEqual([]);
    }
    for (const { imports } of named('shared'))
      expect(imports.filter((name) => product.test(name))).toEqual([]);
    for (const { name, imports } of named('local')) {
      expect([name, imports.filter((one) => outside.test(one))]).toEqual([name, []]);
    }
  });

  test.each([
    'functions/main.ts',
    'shared/geo/eta.ts',
    'tracking/main.ts',
    'local/process.ts',
    'web/main.tsx',
  ])('has a room for %s', (path) => expect(roomOf(path)?.name).toBeDefined());
});
