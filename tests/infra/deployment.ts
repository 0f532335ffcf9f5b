/** A parameter file as the Bicep CLI evaluates it, offline: what would be there after the deployment. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bicep } from './bicep-cli.ts';

export const BICEP_DIR = join(import.meta.dirname, '../../bicep');

const SUBSCRIPTION = '00000000-0000-0000-0000-000000000001';

export interface Resource {
  readonly id: string;
  readonly type: string;
  /** With the names of its parents, separated by `/`. */
  readonly name: string;
  readonly sku?: { readonly name: string };
  readonly identity?: { readonly userAssignedIdentities?: Readonly<Record<string, unknown>> };
  /** Empty where the template gives none. */
  readonly properties: Readonly<Record<string, unknown>>;
}

export interface Deployment {
  readonly resources: readonly Resource[];
  readonly diagnostics: readonly unknown[];
  /** The whole evaluated template. */
  readonly text: string;
}

/** @param parameters `small` or `production` */
export async function evaluate(bicep: Bicep, parameters: string): Promise<Deployment> {
  const folder = await mkdtemp(join(tmpdir(), 'bicep-'));
  try {
    await cp(BICEP_DIR, folder, { recursive: true });
    const target = ['--subscription-id', SUBSCRIPTION, '--resource-group', 'rg', '--location', 'westeurope'];
    await bicep('snapshot', join(folder, `${parameters}.bicepparam`), '--mode', 'overwrite', ...target);
    const text = await readFile(join(folder, `${parameters}.snapshot.json`), 'utf8');
    const { predictedResources, diagnostics } = JSON.parse(text) as {
      predictedResources: Resource[];
      diagnostics: unknown[];
    };
    const resources = predictedResources.map((resource) => ({
      ...resource,
      properties: resource.properties ?? {},
    }));
    return { resources, diagnostics, text };
  } finally {
    await rm(folder, { recursive: true });
  }
}

export function ofType({ resources }: Deployment, type: string): Resource[] {
  return resources.filter((resource) => resource.type === type);
}

/** The last part of a resource's name. */
export function shortName({ name }: Pick<Resource, 'name'>): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** The resource on which an extension resource, such as a role assignment, lies. */
export function hostOf({ id }: Resource): string {
  return id.slice(0, id.lastIndexOf('/providers/'));
}

/** `delivery` of `…/userAssignedIdentities/id-delivery-prod-…`, in an id or in an expression that names one. */
export function identityIn(text: unknown): string {
  const [, key] = /userAssignedIdentities\/id-([a-z-]+?)-(?:small|prod)-/.exec(String(text)) ?? [];
  if (!key) throw new Error(`no identity in ${String(text)}`);
  return key;
}

/** App settings by name. */
export function settingsOf(app: Resource): Record<string, string> {
  const { appSettings } = app.properties['siteConfig'] as {
    appSettings: { name: string; value: string }[];
  };
  return Object.fromEntries(appSettings.map(({ name, value }) => [name, value]));
}
