/** The folders that mutation testing covers: the files whose code is changed, and the tests that should notice. */
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

export const FOLDERS: readonly MutatedFolder[] = [
  {
    name: 'functions/domain',
    mutate: ['functions/*/domain.ts'],
    tests: ['functions/*/domain.test.ts'],
  },
  folder('shared/geo'),
  folder('shared/auth'),
  folder('shared/http'),
  folder('tracking/state'),
  folder('tracking/ingest'),
  folder('functions/account'),
];
