/** bicep/grant-service-role.sh with a stand-in for `az`, which writes down its calls. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BICEP_DIR } from './deployment.ts';

const [FIRST, SECOND, TRACKING] = ['1', '2', '3'].map(
  (digit) => `${digit.repeat(8)}-0000-4000-8000-000000000000`,
);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'az-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** The calls that the script made; `granted`: who has the role already. */
async function run(granted: string, role: string): Promise<string[]> {
  const az = `#!/bin/sh
echo "$*" >> ${folder}/calls
case "$*" in
  *appRoles*) printf '%s' '${role}' ;;
  *'ad sp show'*) echo api-id ;;
  *'--method get'*) printf '%s' '${granted}' ;;
esac
`;
  await writeFile(join(folder, 'az'), az);
  await chmod(join(folder, 'az'), 0o755);
  await promisify(execFile)(join(BICEP_DIR, 'grant-service-role.sh'), {
    env: {
      PATH: `${folder}${delimiter}${process.env['PATH']}`,
      API_AUDIENCE: 'api://drone-delivery',
      APP_PRINCIPAL_IDS: JSON.stringify([FIRST, SECOND]),
      TRACKING_PRINCIPAL_ID: TRACKING,
    },
  });
  return (await readFile(join(folder, 'calls'), 'utf8')).split('\n').filter((call) => call.includes('post'));
}

test('each identity that lacks the role gets it, in a request of its own', async () => {
  const calls = await run(`${SECOND}`, 'role-id');
  expect(calls).toHaveLength(2);
  for (const [index, principalId] of [FIRST, TRACKING].entries()) {
    expect(calls[index]).toContain('/servicePrincipals/api-id/appRoleAssignedTo');
    const body = JSON.parse(/\{.*\}/.exec(calls[index] ?? '')?.[0] ?? '') as unknown;
    expect(body).toEqual({ principalId, resourceId: 'api-id', appRoleId: 'role-id' });
  }
});

test('a registration without the role is told, and nothing is granted', async () => {
  await expect(run('', '')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("'service'") });
});
