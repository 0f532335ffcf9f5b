import { useEffect, useState } from 'preact/hooks';
import type { z } from 'zod';
import type { quote as contract } from '../../shared/contracts/requests.ts';
import { quote } from '../../shared/contracts/routes.gen.ts';
import { usePage } from '../app/page.ts';
import { timeLeft } from '../delivery/eta.ts';
import { asProblem } from '../server/problem.ts';
import { errorsOf, type Form, quoteBody } from './form.ts';

export type Quote = z.output<(typeof contract)['responses'][200]>;

export interface QuoteState {
  readonly answer?: Quote;
  /** Why there is no quote. */
  readonly refusal?: string;
}

const SETTLE_MS = 350;

/** Asks for a quote once the form has not changed for a moment. */
export function useQuote(form: Form): QuoteState {
  const { call } = usePage();
  const [state, setState] = useState<QuoteState>({});
  const key = JSON.stringify(quoteBody(form));
  useEffect(() => {
    setState({});
    const body = quoteBody(form);
    if (body === undefined) return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      call(quote, { body, signal: stop.signal }).then(
        (answer) => {
          if (!stop.signal.aborted) setState({ answer });
        },
        (thrown: unknown) => {
          if (stop.signal.aborted) return;
          const refusal = Object.values(errorsOf(asProblem(thrown)))[0];
          if (refusal !== undefined) setState({ refusal });
        },
      );
    }, SETTLE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key]);
  return state;
}

/** Shows whether the delivery is possible, when, and for how much. */
export function QuoteLine({ id, quote: { answer, refusal } }: { id: string; quote: QuoteState }) {
  return (
    <p id={id} class="quote" aria-live="polite">
      {answer ? <Words quote={answer} /> : refusal}
    </p>
  );
}

function Words({ quote: { feasible, by, price, deliveryEta } }: { quote: Quote }) {
  if (feasible === null) {
    return <>A courier did not answer, so we cannot say yet whether one can carry this parcel.</>;
  }
  if (!feasible) {
    return (
      <>
        Neither a drone nor a courier can carry this parcel. <b>Change the weight, the size or the places.</b>
      </>
    );
  }
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
