/** Keeps the unfinished form in the tab's storage: it survives back, forward, a reload and a sign-in. */
import { EMPTY_FORM, type Form } from './form.ts';

type Drafts = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const keyOf = (personId: string) => `draft:${personId}`;

/** A field that is missing, or was written by another version of the page, is as in an empty form. */
export function loadDraft(drafts: Drafts, personId: string): Form {
  const saved = parsed(drafts.getItem(keyOf(personId)));
  const fields = Object.entries(EMPTY_FORM).map(([field, empty]) => {
    const value = saved[field];
    return [field, typeof value === typeof empty ? value : empty];
  });
  return Object.fromEntries(fields) as Form;
}

export function saveDraft(drafts: Drafts, personId: string, form: Form): void {
  drafts.setItem(keyOf(personId), JSON.stringify(form));
}

export function forgetDraft(drafts: Drafts, personId: string): void {
  drafts.removeItem(keyOf(personId));
}

function parsed(text: string | null): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(text ?? '{}') as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
