import { beforeEach, expect, test } from 'vitest';
import { AppError } from '../../shared/errors.ts';
import { ADMISSION_MS, createAdmission } from './admission.ts';

const ann = { accountId: 'contoso', userId: 'ann' };
let time: number;
let asked: string[];
let refuses: boolean;
let admit: ReturnType<typeof createAdmission>;

beforeEach(() => {
  [time, asked, refuses] = [0, [], false];
  admit = createAdmission(
    async ({ accountId, userId }) => {
      asked.push(`${accountId} ${userId}`);
      if (refuses) throw new AppError('account_suspended', 'no');
    },
    () => new Date(time),
  );
});

test('an admission is remembered for its time, and for that user of that account only', async () => {
  await Promise.all([admit(ann), admit(ann)]);
  time = ADMISSION_MS - 1;
  await admit(ann);
  expect(asked).toEqual(['contoso ann']);
  await admit({ ...ann, userId: 'bob' });
  await admit({ ...ann, accountId: 'fabrikam' });
  expect(asked).toEqual(['contoso ann', 'contoso bob', 'fabrikam ann']);
  time = ADMISSION_MS;
  await admit(ann);
  expect(asked).toHaveLength(4);
});

test('a refusal is not remembered, and is heard by everyone who waits for it', async () => {
  refuses = true;
  const both = await Promise.allSettled([admit(ann), admit(ann)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  refuses = false;
  await admit(ann);
  expect(asked).toHaveLength(2);
  time = ADMISSION_MS;
  refuses = true;
  await expect(admit(ann)).rejects.toMatchObject({ code: 'account_suspended' });
});

test('no more are remembered than fit', async () => {
  for (let user = 0; user <= 10_000; user++) await admit({ ...ann, userId: String(user) });
  await admit({ ...ann, userId: '10000' });
  expect(asked).toHaveLength(10_001);
  await admit({ ...ann, userId: '0' });
  expect(asked).toHaveLength(10_002);
});
