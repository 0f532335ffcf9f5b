import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MemoryStorage } from '../session/browser.fixture.ts';
import { forgetDelivery, recentDeliveries, remember } from './recent.ts';

let storage: MemoryStorage;
beforeEach(() => {
  storage = new MemoryStorage();
  vi.stubGlobal('localStorage', storage);
});
afterEach(() => vi.unstubAllGlobals());

test('the newest comes first, each once, at most eight, by person', () => {
  for (let index = 1; index <= 10; index += 1) remember('alice', `d${index}`);
  remember('alice', 'd5');
  expect(recentDeliveries('alice')).toEqual(['d5', 'd10', 'd9', 'd8', 'd7', 'd6', 'd4', 'd3']);
  expect(recentDeliveries('adam')).toEqual([]);
});

test('one that is gone is forgotten', () => {
  remember('alice', 'd1');
  remember('alice', 'd2');
  forgetDelivery('alice', 'd1');
  expect(recentDeliveries('alice')).toEqual(['d2']);
});

test.each(['{', '{"a":1}', '[1,null,"d1"]'])('storage with %o does no harm', (text) => {
  storage.setItem('deliveries:alice', text);
  expect(recentDeliveries('alice').every((id) => typeof id === 'string')).toBe(true);
});
