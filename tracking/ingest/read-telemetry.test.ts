import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DroneFrame, Telemetry } from '../../shared/contracts/flight.ts';
import { sampleOf } from '../world.fixture.ts';
import { readFrame, readSamples } from './read-frame.ts';
import { readTelemetry } from './read-telemetry.ts';

const numbers = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(
    0,
    -1,
    1,
    0.5,
    90,
    90.1,
    -180.1,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
    2 ** 53,
    -0,
    10_000.5,
  ),
);
const strings = fc.oneof(
  fc.string({ maxLength: 50 }),
  fc.constantFrom(
    '',
    'drone-1',
    '-a',
    'a'.repeat(100),
    'a'.repeat(101),
    'Inflight',
    'inflight',
    'ToPickup',
    'Idle',
    '2026-11-24T00:00:00Z',
    '2026-11-24T00:00:00.123+02:00',
    '2026-11-24',
    '2026-02-30T00:00:00Z',
    '2026-11-24T00:00:00',
  ),
);
const vectors = fc.record({ north: numbers, east: numbers, up: numbers, odd: numbers }, { requiredKeys: [] });
const places = fc.record(
  { latitude: numbers, longitude: numbers, altitude: numbers, odd: numbers },
  { requiredKeys: [] },
);
const anything = fc.oneof(
  numbers,
  strings,
  vectors,
  places,
  fc.boolean(),
  fc.constantFrom(null, undefined, [], {}),
);
const FIELDS = [...Object.keys(Telemetry.shape), 'unknown'];

/** A right sample with one or two fields replaced or taken away. */
const spoilt = fc
  .array(fc.tuple(fc.constantFrom(...FIELDS), fc.oneof(anything, fc.constant('DELETE'))), {
    minLength: 0,
    maxLength: 2,
  })
  .map((changes) => {
    const sample: Record<string, unknown> = structuredClone({ ...sampleOf('drone-1') });
    for (const [field, value] of changes) {
      if (value === 'DELETE') delete sample[field];
      else sample[field] = value;
    }
    return sample;
  });

describe('the hot path check', () => {
  test('R1 it takes and refuses what the schema does, and reads the same', () => {
    const seen = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(fc.oneof({ weight: 9, arbitrary: spoilt }, { weight: 1, arbitrary: anything }), (value) => {
        const schema = Telemetry.safeParse(structuredClone(value));
        const ours = readTelemetry(structuredClone(value));
        expect({ value, taken: ours.sample !== undefined }).toEqual({ value, taken: schema.success });
        if (schema.success) expect(ours.sample).toEqual(schema.data);
        seen[schema.success ? 'taken' : 'refused'] += 1;
      }),
      { numRuns: 4_000 },
    );
    expect(seen.taken).toBeGreaterThan(100);
    expect(seen.refused).toBeGreaterThan(100);
  });

  test('it names the field that is wrong', () => {
    const sample = { ...sampleOf('drone-1'), battery: 1.5 };
    expect(readTelemetry(sample).wrong).toBe('battery');
    expect(readSamples([sampleOf('drone-1'), sample]).wrong).toMatch(/^samples\.1\.battery/);
    expect(readTelemetry({ ...sampleOf('drone-1'), colour: 'red' }).wrong).toBe('colour');
  });

  test('an altitude that is missing is the ground', () => {
    const { latitude, longitude } = sampleOf('drone-1').position;
    const read = readTelemetry({ ...sampleOf('drone-1'), position: { latitude, longitude } });
    expect(read.sample?.position).toEqual({ latitude, longitude, altitude: 0 });
  });
});

describe('frames', () => {
  test('each kind is read as its schema reads it', () => {
    const frames: DroneFrame[] = [
      { type: 'hello', boot: 'b1', newestFence: 3 },
      { type: 'telemetry', samples: [sampleOf('drone-1')] },
      { type: 'received', commandId: 'c-1' },
    ];
    for (const frame of frames) {
      expect(readFrame(JSON.stringify(frame)).frame).toEqual(DroneFrame.parse(frame));
    }
  });

  test.each([
    ['no JSON', '{"type":', /not JSON/],
    ['not an object', '[1]', /not an object/],
    ['an unknown type', '{"type":"ping"}', /type/],
    ['no samples', '{"type":"telemetry","samples":[]}', /must have 1 to 100 items/],
    ['too many', JSON.stringify({ type: 'telemetry', samples: Array(101).fill(sampleOf('d')) }), /1 to 100/],
    ['an unknown field', JSON.stringify({ type: 'telemetry', samples: [sampleOf('d')], x: 1 }), /x: unknown/],
    ['a command id that is none', '{"type":"received","commandId":"--"}', /commandId/],
  ])('%s is refused with its reason', (_name, text, reason) => {
    expect(readFrame(text).wrong).toMatch(reason);
  });
});
