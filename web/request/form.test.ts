import { describe, expect, test } from 'vitest';
import { ApiProblem } from '../server/problem.ts';
import { EMPTY_FORM, errorsOf, type Form, missing, quoteBody, requestBody } from './form.ts';

const FORM: Form = { ...EMPTY_FORM, pickup: ' 200 Market Street ', dropoff: 'City Hall', weight: '1,5' };

describe('what is missing', () => {
  test('nothing in a form that can be sent', () => expect(missing(FORM)).toEqual({}));

  test('places and weight, each beside its field', () => {
    expect(Object.keys(missing({ ...FORM, pickup: '  ', dropoff: '', weight: 'heavy' }))).toEqual([
      'pickup',
      'dropoff',
      'weight',
    ]);
  });

  test.each(['', ' ', 'a', '1.2.3', '1 2', 'Infinity', 'NaN'])('%o is no weight', (weight) => {
    expect(missing({ ...FORM, weight })).toHaveProperty('weight');
  });

  test('what is too heavy or below 0 is for the service to judge', () => {
    expect(missing({ ...FORM, weight: '-3' })).toEqual({});
    expect(missing({ ...FORM, weight: '5000' })).toEqual({});
  });
});

test('the request has trimmed places, and the weight with a comma or a point', () => {
  expect(requestBody(FORM, 'contoso')).toEqual({
    ownerId: 'contoso',
    pickupLocation: '200 Market Street',
    dropOffLocation: 'City Hall',
    confirmationRequired: 'None',
    packageInfo: { size: 'Small', weight: 1.5 },
  });
});

test('a quote needs a complete form, and neither owner nor proof', () => {
  expect(quoteBody({ ...FORM, pickup: '' })).toBeUndefined();
  expect(quoteBody(FORM)).toEqual({
    pickupLocation: '200 Market Street',
    dropOffLocation: 'City Hall',
    packageInfo: { size: 'Small', weight: 1.5 },
  });
});

describe('a refusal', () => {
  const refusal = (...errors: { path: string; message: string }[]) =>
    errorsOf(new ApiProblem(400, 'invalid_request', 'the request is not valid', errors));

  test('stands beside its field, as a sentence; the first of a field counts', () => {
    expect(
      refusal(
        { path: 'body.pickupLocation', message: 'is not a known address' },
        { path: 'body.pickupLocation', message: 'second' },
        { path: 'body.dropoffLocation', message: 'is outside the area' },
        { path: 'body.packageInfo.weight', message: 'Too small: expected number to be >0' },
        { path: 'body.packageInfo.size', message: 'is wrong' },
        { path: 'body.confirmationRequired', message: 'is wrong' },
      ),
    ).toEqual({
      pickup: 'This is not a known address.',
      dropoff: 'This is outside the area.',
      weight: 'Too small: it must be more than 0.',
      size: 'This is wrong.',
      confirmation: 'This is wrong.',
    });
    expect(
      refusal({ path: 'body.packageInfo.weight', message: 'Too big: expected number to be <=1000' }),
    ).toEqual({
      weight: 'Too big: it must be at most 1000.',
    });
  });

  test('of no field stands above the button', () => {
    expect(refusal({ path: 'body.deadline', message: 'is in the past' })).toEqual({
      form: 'This is in the past.',
    });
    expect(errorsOf(new ApiProblem(403, 'over_quota', 'the quota is used up'))).toEqual({
      form: 'The quota is used up.',
    });
  });

  test('without errors is found by the field that its text names', () => {
    const problem = new ApiProblem(400, 'invalid_request', 'pickupLocation is not a known address');
    expect(errorsOf(problem)).toEqual({ pickup: 'This is not a known address.' });
    const both = new ApiProblem(422, 'infeasible', 'dropOffLocation and pickupLocation are the same!');
    expect(errorsOf(both)).toEqual({ pickup: 'The dropoff and the pickup are the same!' });
  });
});
