/** The request form as data: the bodies to send, and the field that each refusal belongs to. Pure. */
import type { ApiProblem, FieldError } from '../server/problem.ts';

export const SIZES = ['Small', 'Medium', 'Large'] as const;
export const CONFIRMATIONS = ['None', 'Picture', 'FingerPrint', 'Voice'] as const;

export interface Form {
  readonly pickup: string;
  readonly dropoff: string;
  readonly size: (typeof SIZES)[number];
  /** As typed. */
  readonly weight: string;
  readonly confirmation: (typeof CONFIRMATIONS)[number];
}
export type Field = keyof Form;

export const EMPTY_FORM: Form = {
  pickup: '',
  dropoff: '',
  size: 'Small',
  weight: '1.2',
  confirmation: 'None',
};

export type FormErrors = Readonly<Partial<Record<Field | 'form', string>>>;

/** Missing fields, which keep the form from being sent; the service checks everything else. */
export function missing(form: Form): FormErrors {
  return {
    ...(form.pickup.trim() === '' ? { pickup: 'Enter the place of the pickup.' } : {}),
    ...(form.dropoff.trim() === '' ? { dropoff: 'Enter the place of the dropoff.' } : {}),
    ...(weightOf(form) === undefined ? { weight: 'Enter the weight in kilograms, for example 1.2.' } : {}),
  };
}

/** Body of `POST /api/deliveryrequests`. */
export function requestBody(form: Form, ownerId: string) {
  return {
    ownerId,
    pickupLocation: form.pickup.trim(),
    dropOffLocation: form.dropoff.trim(),
    confirmationRequired: form.confirmation,
    packageInfo: { size: form.size, weight: weightOf(form) ?? 0 },
  };
}

/** Body of `POST /api/quotes`; undefined while the form is not complete. */
export function quoteBody(form: Form) {
  if (Object.keys(missing(form)).length > 0) return undefined;
  const { pickupLocation, dropOffLocation, packageInfo } = requestBody(form, '');
  return { pickupLocation, dropOffLocation, packageInfo };
}

const FIELDS: readonly (readonly [path: RegExp, field: Field])[] = [
  [/pickupLocation/, 'pickup'],
  [/drop[oO]ffLocation/, 'dropoff'],
  [/packageInfo\.weight/, 'weight'],
  [/packageInfo\.size/, 'size'],
  [/confirmationRequired/, 'confirmation'],
];

/** The refusal by field; an error that belongs to none is shown above the button. */
export function errorsOf(problem: ApiProblem): FormErrors {
  const told: readonly FieldError[] =
    problem.errors.length > 0 ? problem.errors : [{ path: problem.message, message: problem.message }];
  const errors: Partial<Record<Field | 'form', string>> = {};
  for (const { path, message } of told) {
    const field = FIELDS.find(([pattern]) => pattern.test(path))?.[1] ?? 'form';
    errors[field] ??= sentence(message);
  }
  return errors;
}

/** `is outside the area` → `This is outside the area.` */
function sentence(message: string): string {
  const text = message
    .replace(/^(pickup|drop[oO]ff)Location (?=is |must |has )/, '')
    .replace('pickupLocation', 'the pickup')
    .replace(/drop[oO]ffLocation/, 'the dropoff')
    .replace(/expected number to be >0/, 'it must be more than 0')
    .replace(/expected number to be <=(\d+)/, 'it must be at most $1');
  const whole = /^(is|are|must|has) /.test(text) ? `This ${text}` : text;
  const capital = whole.charAt(0).toUpperCase() + whole.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

function weightOf({ weight }: Form): number | undefined {
  const value = Number(weight.trim().replace(',', '.'));
  return weight.trim() === '' || !Number.isFinite(value) ? undefined : value;
}
