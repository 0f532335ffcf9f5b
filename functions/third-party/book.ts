/**
 * Books a carrier: stores the intent, calls the carrier (idempotent by its bookingId), then stores the confirmation. A retry
 * reads the intent and goes on with the same carrier, so a delivery never has two.
 */
import type { z } from 'zod';
import { checkNamedOwner, checkReach } from '../../shared/auth/tenancy.ts';
import type { bookCarrier, quoteCarriers, Shipment } from '../../shared/contracts/third-party.ts';
import { withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { type CallMark, callMark, isRepetition, marked } from '../../shared/http/idempotent-call.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import type { QuoteRequest } from './carrier-api.ts';
import type { Carriers } from './carriers.ts';
import { type Answers, bookingView, type Offer, sortAnswers } from './domain.ts';
import type { BookingRepository, Known } from './repository.ts';
import type { BookingDocument, Refusal } from './schemas.ts';

type Shipped = z.output<typeof Shipment>;

export interface BookingHandlers {
  readonly book: Handler<typeof bookCarrier>;
  readonly quote: Handler<typeof quoteCarriers>;
}

export function createBooking(
  repository: BookingRepository,
  carriers: Carriers,
  deps: ServiceDeps,
): BookingHandlers {
  const now = () => deps.now().toISOString();

  const ask = async (shipment: Shipped, refusedBefore: readonly Refusal[]): Promise<Answers> => {
    const refused = new Set(refusedBefore.map(({ carrierId }) => carrierId));
    const quotes = await carriers.quoteAll(toQuote(shipment));
    const open = quotes.filter(({ carrierId }) => !refused.has(carrierId));
    const answers = sortAnswers(open, shipment.deadline);
    return { ...answers, refusals: [...refusedBefore, ...answers.refusals] };
  };

  /** The intent to book the cheapest carrier that has not refused. */
  const intend = async (
    deliveryId: string,
    shipment: Shipped,
    known: { item: BookingDocument; etag: string } | undefined,
    mark: CallMark | undefined,
  ): Promise<Known> => {
    const refusals = known?.item.refusals ?? [];
    const answers = await ask(shipment, refusals);
    const [best] = answers.offers;
    if (!best) throw noOffer(answers);
    const document = { ...documentOf(deliveryId, shipment, best, refusals, now()), ...marked(mark) };
    return known ? repository.replace(document, known.etag) : repository.create(document);
  };

  const book: BookingHandlers['book'] = ({ params: { deliveryId }, body: shipment }, call) => {
    const { principal } = call;
    const mark = callMark(call, shipment);
    checkNamedOwner(principal, shipment.owner.accountId, 'body.owner.accountId');
    let sent: Pick<BookingDocument, 'carrierId' | 'bookingId'> | undefined;
    return withOptimisticRetry(async () => {
      const found = await repository.find(deliveryId);
      if (found?.item.type === 'booking') {
        checkReach(principal, found.item.shipment.owner.accountId, 'there is no such booking');
        isRepetition(found.item.call, mark);
      }
      let { item, etag } = found ?? (await intend(deliveryId, shipment, undefined, mark));
      for (;;) {
        if (item.type === 'never' || item.status === 'Cancelled' || item.status === 'Cancelling') {
          if (sent) await carriers.cancel(sent.carrierId, sent.bookingId);
          throw new AppError('stale', 'this delivery’s carrier was cancelled');
        }
        if (item.status !== 'Intended') return { status: 200, body: bookingView(item) };
        const { carrierId, bookingId } = item;
        const callbackUrl = `${deps.settings.PUBLIC_ORIGIN}/api/thirdpartydeliveries/${deliveryId}/events`;
        sent = item;
        const answer = await carriers.book(carrierId, bookingId, { ...toQuote(item.shipment), callbackUrl });
        if ('bookingId' in answer) {
          const { price, pickupEta, deliveryEta } = answer;
          const offer = { price, pickupEta, deliveryEta };
          const booked = { ...item, status: 'Booked', ...offer, updatedAt: now() } as const;
          await repository.confirm(booked, etag);
          deps.log.info({ deliveryId, carrierId }, 'carrier booked');
          return { status: 201, body: bookingView(booked) };
        }
        const others = item.refusals.filter((refusal) => refusal.carrierId !== carrierId);
        const refusals = [...others, { carrierId, reasons: answer.reasons }];
        ({ item, etag } = await repository.replace({ ...item, refusals, updatedAt: now() }, etag));
        if (item.type === 'booking')
          ({ item, etag } = await intend(deliveryId, item.shipment, { item, etag }, item.call));
      }
    });
  };

  return {
    book,
    quote: async ({ body }, { principal }) => {
      checkNamedOwner(principal, body.owner.accountId, 'body.owner.accountId');
      const { offers, refusals, silent } = await ask(body, []);
      return {
        status: 200,
        body: {
          offers: [...offers],
          refusals: refusals.map(({ carrierId, reasons }) => ({ carrierId, reasons: [...reasons] })),
          silent: silent.map(({ carrierId }) => carrierId),
        },
      };
    },
  };
}

/** A carrier that did not answer may have an offer later; once all have answered, the result is final. */
function noOffer({ refusals, silent }: Answers): AppError {
  const facts = { reasons: [...refusals, ...silent] };
  return silent.length > 0
    ? new AppError('dependency_unavailable', 'not every carrier has answered', {
        facts,
        retryAfterSeconds: 2,
      })
    : new AppError('no_carrier', 'no carrier can make this delivery', { facts });
}

function documentOf(
  deliveryId: string,
  shipment: Shipped,
  offer: Offer,
  refusals: readonly Refusal[],
  updatedAt: string,
): BookingDocument {
  const fixed = { id: 'booking', type: 'booking', status: 'Intended' } as const;
  return { ...fixed, deliveryId, bookingId: deliveryId, ...offer, shipment, refusals, updatedAt };
}

/** Only what a carrier needs; the customer's identity is left out. */
function toQuote({ pickup, dropoff, weight, size, deadline }: Shipped): QuoteRequest {
  return { pickup, dropoff, weight, size, ...(deadline ? { deadline } : {}) };
}
