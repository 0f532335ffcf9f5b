import { useEffect, useRef, useState } from 'preact/hooks';
import { submitRequest } from '../../shared/contracts/routes.gen.ts';
import { usePage } from '../app/page.ts';
import { coordinates } from '../map/city.ts';
import { asProblem } from '../server/problem.ts';
import type { Person } from '../session/person.ts';
import { forgetDraft, loadDraft, saveDraft } from './draft.ts';
import { errorsOf, type Form, type FormErrors, missing, requestBody } from './form.ts';
import { ParcelFields } from './parcel-fields.tsx';
import { PlaceField } from './place-field.tsx';
import { usePlacesOnMap } from './places-on-map.ts';
import { QuoteLine, useQuote } from './quote.tsx';

type Place = 'pickup' | 'dropoff';

export function RequestForm({ who }: { who: Person }) {
  const page = usePage();
  const [form, setForm] = useState<Form>(() => loadDraft(sessionStorage, who.id));
  const [errors, setErrors] = useState<FormErrors>({});
  const [armed, setArmed] = useState<Place | undefined>(undefined);
  const quote = useQuote(form);
  const [isSending, setSending] = useState(false);
  /** The Idempotency-Key stays while the form stays the same: sending it again after a lost answer makes no second request. */
  const key = useRef(crypto.randomUUID());
  const element = useRef<HTMLFormElement>(null);

  const change = (part: Partial<Form>) => {
    key.current = crypto.randomUUID();
    setForm((before) => ({ ...before, ...part }));
    setErrors((before) =>
      Object.fromEntries(Object.entries(before).filter(([field]) => !(field in part) && field !== 'form')),
    );
  };

  useEffect(() => saveDraft(sessionStorage, who.id, form), [form]);

  usePlacesOnMap(form, (position) => {
    const place: Place = armed ?? (form.pickup === '' ? 'pickup' : 'dropoff');
    change({ [place]: coordinates(position) });
    setArmed(undefined);
  });

  const refuse = (found: FormErrors) => {
    setErrors(found);
    focusFirstError(element.current);
  };

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const gaps = missing(form);
    if (Object.keys(gaps).length > 0) return refuse(gaps);
    setSending(true);
    try {
      const { deliveryId } = await page.call(submitRequest, {
        body: requestBody(form, who.accountId ?? ''),
        headers: { 'idempotency-key': key.current },
      });
      forgetDraft(sessionStorage, who.id);
      page.go(`/deliveries/${deliveryId}`);
    } catch (thrown) {
      setSending(false);
      refuse(errorsOf(asProblem(thrown)));
    }
  };

  const place = (id: Place) => ({
    id,
    value: form[id],
    error: errors[id],
    isArmed: armed === id,
    onInput: (value: string) => change({ [id]: value }),
    onArm: () => setArmed(armed === id ? undefined : id),
  });

  return (
    <form ref={element} class="stack card" noValidate onSubmit={(event) => void submit(event)}>
      <PlaceField {...place('pickup')} label="Pick up at" />
      <PlaceField {...place('dropoff')} label="Bring to" />
      <ParcelFields form={form} errors={errors} change={change} />
      <QuoteLine id="quote" quote={quote} />
      {errors.form && (
        <p class="notice error" role="alert">
          {errors.form}
        </p>
      )}
      <button
        type="submit"
        class="primary wide"
        aria-describedby="quote"
        disabled={isSending || quote.answer?.feasible === false}
      >
        {isSending ? 'Sending…' : 'Request the delivery'}
      </button>
    </form>
  );
}

/** After the next render: only then is the field marked as invalid. */
function focusFirstError(form: HTMLFormElement | null): void {
  requestAnimationFrame(() => form?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
}
