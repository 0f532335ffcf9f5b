import { usePage } from '../app/page.ts';
import { FieldNote } from './field-note.tsx';

export interface PlaceFieldProps {
  readonly id: 'pickup' | 'dropoff';
  readonly label: string;
  readonly value: string;
  readonly error: string | undefined;
  /** Whether the next click on the map is for this field. */
  readonly isArmed: boolean;
  readonly onInput: (value: string) => void;
  readonly onArm: () => void;
}

export function PlaceField({ id, label, value, error, isArmed, onInput, onArm }: PlaceFieldProps) {
  const { city } = usePage();
  return (
    <div class={`field place place-${id}`}>
      <label for={id}>{label}</label>
      <div class="with-button">
        <input
          id={id}
          name={id}
          value={value}
          list={`${id}-addresses`}
          autocomplete="off"
          placeholder="Address, place or latitude,longitude"
          aria-invalid={error !== undefined}
          aria-describedby={`${id}-note`}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
        <button
          type="button"
          class="on-map"
          aria-pressed={isArmed}
          aria-label={`Choose the ${id} on the map`}
          title="Choose on the map"
          onClick={onArm}
        >
          <svg viewBox="0 0 24 28" aria-hidden="true">
            <path d="M12 1C6.5 1 2 5.4 2 10.9 2 18.2 12 27 12 27s10-8.8 10-16.1C22 5.4 17.5 1 12 1Zm0 13.5a3.6 3.6 0 1 1 0-7.2 3.6 3.6 0 0 1 0 7.2Z" />
          </svg>
        </button>
      </div>
      <datalist id={`${id}-addresses`}>
        {city.addresses.map(({ text }) => (
          <option key={text} value={text} />
        ))}
      </datalist>
      <FieldNote id={id} error={error} hint={isArmed ? 'Now click on the map.' : undefined} />
    </div>
  );
}
