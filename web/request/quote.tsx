import { useEffect, useState } from 'preact/hooks';
import type { z } from 'zod';
import type { quote as contract } from '../../shared/contracts/requests.ts';
import { quote } from '../../shared/contracts/routes.gen.ts';
import { usePage } from '../app/page.ts';
import { timeLeft } from '../delivery/eta.ts';
import { type Form, quoteBody } from './form.ts';

type Quote = z.output<(typeof contract)['responses'][200]>;

const SETTLE_MS = 350;

/** Whether it can be served, when, and for how much: asked once the form rests. */
export function QuoteLine({ form }: { form: Form }) {
  const { call } = usePage();
  const [answer, setAnswer] = useState<Quote | undefined>(undefined);
  const body = JSON.stringify(quoteBody(form));
  useEffect(() => {
    setAnswer(undefined);
    if (body === undefined) return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      call(quote, { body: JSON.parse(body), signal: stop.signal }).then(
        (found) => {
          if (!stop.signal.aborted) setAnswer(found);
        },
        () => undefined,
      );
    }, SETTLE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [body]);
  return (
    <p class="quote" aria-live="polite">
      {answer && words(answer)}
    </p>
  );
}

function words({ feasible, by, price, deliveryEta }: Quote) {
  if (feasible === null) return 'A courier did not answer. Whether one can carry this is not known now.';
  if (!feasible) return 'As it is, neither a drone nor a courier can carry this.';
  const cost =
    price &&
    new Intl.NumberFormat(undefined, { style: 'currency', currency: price.currency }).format(price.amount);
  const time = deliveryEta && timeLeft(Date.parse(deliveryEta.at) - Date.now());
  return (
    <>
      <b>{by === 'drone' ? 'By drone' : 'By courier'}</b>
      {time && <> · about {time}</>}
      {cost && <> · {cost}</>}
    </>
  );
}
