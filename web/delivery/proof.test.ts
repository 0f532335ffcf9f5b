import { expect, test } from 'vitest';
import { proofOf } from './proof-file.ts';
import { placeOfProof } from './proof-place.ts';

const DRONE = { latitude: 47.6, longitude: -122.3, altitude: 12 };
const file = (type: string, size = 3) => new Blob([new Uint8Array(size).fill(97)], { type });

test('a proof is the file itself, in base64', async () => {
  expect(atob(await proofOf('Picture', file('image/png')))).toBe('aaa');
  expect(atob(await proofOf('FingerPrint', file('application/octet-stream')))).toBe('aaa');
});

test.each([
  ['Picture', 'text/plain', 'This file is not a picture.'],
  ['Picture', '', 'This file is not a picture.'],
  ['Voice', 'image/png', 'This file is not a recording.'],
] as const)('%s does not take %s (D2)', async (kind, type, sentence) => {
  await expect(proofOf(kind, file(type))).rejects.toThrow(sentence);
});

test('a file that is too large is refused before it is sent', async () => {
  await expect(proofOf('Voice', file('audio/webm', 135_001))).rejects.toThrow('too large');
  await expect(proofOf('Voice', file('audio/webm', 135_000))).resolves.toMatch(/^YWFh/);
});

test('the place is the device’s; where it does not say, the drone’s (D2)', async () => {
  const device = (answer: (found: PositionCallback, failed: PositionErrorCallback) => void) => ({
    getCurrentPosition: (found: PositionCallback, failed?: PositionErrorCallback | null) =>
      answer(found, failed ?? (() => undefined)),
  });
  const here = device((found) => found({ coords: { latitude: 1, longitude: 2 } } as GeolocationPosition));
  expect(await placeOfProof(here, DRONE)).toEqual({ latitude: 1, longitude: 2, altitude: 0 });
  const denied = device((_, failed) => failed({ code: 1 } as GeolocationPositionError));
  expect(await placeOfProof(denied, DRONE)).toEqual(DRONE);
  expect(await placeOfProof(undefined, DRONE)).toEqual(DRONE);
});
