/** The folders that mutation testing covers: the files whose code is changed, and the tests that should notice. */
import { SERVICES } from '../../shared/service-names.ts';

export interface MutatedFolder {
  readonly name: string;
  readonly mutate: readonly string[];
  readonly tests: readonly string[];
}

/** The code of a folder against the tests beside it. */
const folder = (name: string): MutatedFolder => ({
  name,
  mutate: [`${name}/*.ts`],
  tests: [`${name}/*.test.ts`],
});

/** The pure rules of a service; its other files need a database, so a mutant there costs seconds. */
const domain = (service: string): MutatedFolder => ({
  name: `functions/${service}/domain`,
  mutate: [`functions/${service}/domain.ts`],
  tests: [`functions/${service}/domain.test.ts`],
});

export const FOLDERS: readonly MutatedFolder[] = [
  ...SERVICES.map(domain),
  folder('shared/geo'),
  folder('shared/auth'),
  folder('shared/http'),
  folder('tracking/state'),
  folder('tracking/ingest'),
];
