import { expect, test } from 'vitest';
import { createCommits, type WriteStrategy } from './commits.ts';

/** One turn of the loop with `count` writes, and where each was made. */
async function turn(commits: ReturnType<typeof createCommits>, count: number): Promise<WriteStrategy[]> {
  const places: WriteStrategy[] = [];
  for (let n = 0; n < count; n++) commits.join((place) => places.push(place));
  expect(places).toEqual([]);
  await Promise.resolve();
  return places;
}

/** Of which it is known that its disk is fast. */
async function fast() {
  const commits = createCommits();
  await turn(commits, 1);
  commits.ended(0.2);
  return commits;
}

test('the first write goes to the pool, to see how fast the disk is', async () => {
  expect(await turn(createCommits(), 1)).toEqual(['pool']);
});

test('a write alone to a fast disk is made in place', async () => {
  expect(await turn(await fast(), 1)).toEqual(['here']);
});

test('several of one turn go to the pool together', async () => {
  expect(await turn(await fast(), 3)).toEqual(['pool', 'pool', 'pool']);
});

test('one that comes while others are under way goes to the pool', async () => {
  const commits = await fast();
  await turn(commits, 2);
  expect(await turn(commits, 1)).toEqual(['pool']);
  for (let n = 0; n < 3; n++) commits.ended(0.2);
  expect(await turn(commits, 1)).toEqual(['here']);
});

test('a disk that has become slow is left to the pool, until it is fast again', async () => {
  const commits = await fast();
  const measured = async (milliseconds: number, times: number) => {
    let place: WriteStrategy | undefined;
    for (let n = 0; n < times; n++) {
      [place] = await turn(commits, 1);
      commits.ended(milliseconds);
    }
    return place;
  };
  expect(await measured(8, 3)).toBe('here');
  expect(await measured(8, 40)).toBe('pool');
  expect(await measured(0.2, 10)).toBe('here');
});

test('now and then a slow write does not make a fast disk slow', async () => {
  const commits = await fast();
  for (let n = 0; n < 200; n++) {
    expect(await turn(commits, 1)).toEqual(['here']);
    commits.ended(n % 2 === 0 ? 5 : 0.2);
  }
});
