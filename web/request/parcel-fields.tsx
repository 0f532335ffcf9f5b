import { FieldNote } from './field-note.tsx';
import { CONFIRMATIONS, type Form, type FormErrors, SIZES } from './form.ts';

const SIZE_HINTS = { Small: 'shoe box', Medium: 'backpack', Large: 'suitcase' } as const;
const CONFIRMATION_WORDS = {
  None: 'None',
  Picture: 'A picture',
  FingerPrint: 'A fingerprint',
  Voice: 'A voice recording',
} as const;

export interface ParcelFieldsProps {
  readonly form: Form;
  readonly errors: FormErrors;
  readonly change: (change: Partial<Form>) => void;
}

export function ParcelFields({ form, errors, change }: ParcelFieldsProps) {
  return (
    <>
      <fieldset class="field sizes">
        <legend>Size</legend>
        <div class="segments">
          {SIZES.map((size) => (
            <label key={size} class={form.size === size ? 'is-chosen' : ''}>
              <input
                type="radio"
                name="size"
                value={size}
                checked={form.size === size}
                onChange={() => change({ size })}
              />
              <b>{size}</b>
              <small>{SIZE_HINTS[size]}</small>
            </label>
          ))}
        </div>
        <FieldNote id="size" error={errors.size} />
      </fieldset>
      <div class="two">
        <div class="field">
          <label for="weight">Weight, kg</label>
          <input
            id="weight"
            name="weight"
            inputMode="decimal"
            autocomplete="off"
            value={form.weight}
            aria-invalid={errors.weight !== undefined}
            aria-describedby="weight-note"
            onInput={(event) => change({ weight: event.currentTarget.value })}
          />
          <FieldNote id="weight" error={errors.weight} />
        </div>
        <div class="field">
          <label for="confirmation">Proof of delivery</label>
          <select
            id="confirmation"
            value={form.confirmation}
            aria-describedby="confirmation-note"
            onChange={(event) => change({ confirmation: event.currentTarget.value as Form['confirmation'] })}
          >
            {CONFIRMATIONS.map((each) => (
              <option key={each} value={each}>
                {CONFIRMATION_WORDS[each]}
              </option>
            ))}
          </select>
          <FieldNote id="confirmation" error={errors.confirmation} />
        </div>
      </div>
    </>
  );
}
