import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTrackingSettings, TrackingSettingsSchema } from './settings.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const K8S = join(ROOT, 'tracking/k8s');
const run = promisify(execFile);
const hasKubectl = isThere('kubectl');
if (!hasKubectl) process.stdout.write('kubectl is not on PATH: the manifests are not checked\n');

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tracking-image-'));
});
afterAll(() => rm(dir, { recursive: true }));

function isThere(command: string): boolean {
  try {
    execFileSync(command, ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The documents of an overlay, by kind. */
async function kustomize(path: string): Promise<Map<string, string>> {
  const { stdout } = await run('kubectl', ['kustomize', path]);
  return new Map(stdout.split(/^---$/m).map((text) => [/^kind: (\w+)$/m.exec(text)?.[1] ?? '', text]));
}

describe.skipIf(!hasKubectl).each(['dev', 'production'])('overlay %s', (overlay) => {
  let documents: Map<string, string>;
  beforeAll(async () => {
    documents = await kustomize(join(K8S, 'overlays', overlay));
  });

  test('has every part', () => {
    const kinds = ['Namespace', 'ServiceAccount', 'ConfigMap', 'Service', 'Deployment'];
    for (const kind of [...kinds, 'PodDisruptionBudget', 'NetworkPolicy']) {
      expect([...documents.keys()]).toContain(kind);
    }
    expect(documents.has('Ingress')).toBe(overlay === 'production');
  });

  test('one replica, without rights, with probes and the identity', () => {
    const deployment = documents.get('Deployment') ?? '';
    for (const line of [
      'replicas: 1',
      'maxUnavailable: 0',
      'runAsNonRoot: true',
      'readOnlyRootFilesystem: true',
      'allowPrivilegeEscalation: false',
      'azure.workload.identity/use: "true"',
      'serviceAccountName: tracking',
      'path: /servingz',
      'path: /healthz',
      'topologyKey: topology.kubernetes.io/zone',
    ]) {
      expect(deployment).toContain(line);
    }
    expect(deployment).not.toMatch(/image: tracking$/m);
    expect(documents.get('ServiceAccount')).toMatch(/client-id: [0-9a-f-]{36}/);
  });

  test('its settings are complete, and only ones that exist', () => {
    const text = /^data:\n((?: {2}.*\n)+)/m.exec(documents.get('ConfigMap') ?? '')?.[1] ?? '';
    const settings = Object.fromEntries(
      [...text.matchAll(/^ {2}(\w+): "?([^"\n]*)"?$/gm)].map(([, name, value]) => [name, value]),
    );
    expect(Object.keys(settings).length).toBeGreaterThan(3);
    for (const name of Object.keys(settings))
      expect(Object.keys(TrackingSettingsSchema.shape)).toContain(name);
    expect(readTrackingSettings(settings).ALLOWED_ORIGINS[0]).toMatch(/^https:/);
    expect(settings).not.toHaveProperty('EVENTHUBS');
  });
});

describe.skipIf(!hasKubectl)('scaling out, once there are roles', () => {
  test('the component can be laid over production', async () => {
    const real = relative(dir, K8S);
    await writeFile(
      join(dir, 'kustomization.yaml'),
      `resources: [${real}/overlays/production]\ncomponents: [${real}/components/scale-out]\n`,
    );
    const { stdout } = await run('kubectl', ['kustomize', '--load-restrictor', 'LoadRestrictionsNone', dir]);
    expect(stdout).toContain('kind: HorizontalPodAutoscaler');
    expect(stdout).toContain('stabilizationWindowSeconds: 600');
  });
});

describe('the image', () => {
  test('its one file starts by itself, and says what is missing', async () => {
    const out = join(dir, 'main.mjs');
    await run(process.execPath, ['tracking/build.ts', out], { cwd: ROOT });
    const failed = await run(process.execPath, ['main.mjs'], { cwd: dir, env: {} }).then(
      () => undefined,
      (error: unknown) => error as { code: number; stderr: string },
    );
    expect(failed?.code).toBe(2);
    expect(failed?.stderr).toMatch(
      /^tracking: settings: IDENTITY_ISSUER is missing; TRACKING_AUDIENCE is missing/,
    );
  });

  test('runs without rights, from the build of this folder', async () => {
    const text = await readFile(join(ROOT, 'tracking/Dockerfile'), 'utf8');
    expect(text).toMatch(/^FROM node:24-slim$/m);
    expect(text).toMatch(/^USER 1000:1000$/m);
    expect(text).toMatch(/^RUN node tracking\/build\.ts /m);
    const { PORT, HOST } = /TRACKING_HOST=(?<HOST>\S+) TRACKING_PORT=(?<PORT>\d+)/.exec(text)?.groups ?? {};
    expect(HOST).toBe('0.0.0.0');
    const service = await readFile(join(K8S, 'base/deployment.yaml'), 'utf8');
    expect(service).toContain(`containerPort: ${PORT}`);
  });
});
