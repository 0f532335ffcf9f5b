import { expect, test } from 'vitest';
import { MemoryStorage } from '../session/browser.fixture.ts';
import { forgetDraft, loadDraft, saveDraft } from './draft.ts';
import { EMPTY_FORM, type Form } from './form.ts';

const FORM: Form = { ...EMPTY_FORM, pickup: 'City Hall', weight: '3', size: 'Large' };

test('a draft is kept for its person until it is sent', () => {
  const drafts = new MemoryStorage();
  saveDraft(drafts, 'alice', FORM);
  expect(loadDraft(drafts, 'alice')).toEqual(FORM);
  expect(loadDraft(drafts, 'adam')).toEqual(EMPTY_FORM);
  forgetDraft(drafts, 'alice');
  expect(loadDraft(drafts, 'alice')).toEqual(EMPTY_FORM);
});

test.each(['', '{', 'null', '[]', '"text"'])('storage with %o gives an empty form', (text) => {
  const drafts = new MemoryStorage();
  drafts.setItem('draft:alice', text);
  expect(loadDraft(drafts, 'alice')).toEqual(EMPTY_FORM);
});

test('a field that another version wrote differently is as in an empty form', () => {
  const drafts = new MemoryStorage();
  drafts.setItem('draft:alice', '{"pickup":"City Hall","weight":3,"expedited":"yes","color":"red"}');
  expect(loadDraft(drafts, 'alice')).toEqual({ ...EMPTY_FORM, pickup: 'City Hall' });
});
