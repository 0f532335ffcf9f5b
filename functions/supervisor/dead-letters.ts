/** Records each dead letter once, lists them, and lets an operator replay or discard one; the operator is recorded. */
import type {
  discardDeadLetter,
  listDeadLetters,
  recordDeadLetter,
  replayDeadLetter,
} from '../../shared/contracts/supervisor.ts';
import { WriteConflict } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { audited, checkOpen, letterId, letterView } from './domain.ts';
import { hubOf, messageOf } from './replay.ts';
import type { SupervisorRepository } from './repository.ts';

export interface DeadLetterHandlers {
  readonly record: Handler<typeof recordDeadLetter>;
  readonly list: Handler<typeof listDeadLetters>;
  readonly replay: Handler<typeof replayDeadLetter>;
  readonly discard: Handler<typeof discardDeadLetter>;
}

/** Longer than a publish may take: after it, an interrupted replay may be requested again. */
const CLAIM_MS = 30_000;

export function createDeadLetterHandlers(
  repository: SupervisorRepository,
  deps: ServiceDeps,
): DeadLetterHandlers {
  const known = async ({ hub, day, letterId: id }: { hub: string; day: string; letterId: string }) => {
    const letter = await repository.letter(hub, day, id);
    if (!letter) throw new AppError('not_found', 'there is no such dead letter');
    return letter;
  };

  return {
    record: async ({ body }) => {
      const id = letterId(body);
      const at = deps.now().toISOString();
      const day = await repository.claimDay(body.hub, id, at.slice(0, 10));
      const fresh = { ...body, id, type: 'letter', status: 'Open', at, day, audit: [] } as const;
      const created = await repository.createLetter({ ...fresh, audit: [] });
      if (created) deps.log.warn({ hub: body.hub, step: body.step, id }, 'dead letter recorded');
      return { status: created ? 201 : 200, body: { id } };
    },

    list: async ({ query }) => {
      const deadLetters = (await repository.letters(query)).map(letterView);
      return { status: 200, body: { deadLetters } };
    },

    replay: async ({ params, body }, { principal }) => {
      const { item, etag } = await known(params);
      checkOpen(item, deps.now());
      const hub = hubOf(item);
      const claimedUntil = new Date(deps.now().getTime() + CLAIM_MS).toISOString();
      const claimed = await orConflict(() => repository.replaceLetter({ ...item, claimedUntil }, etag));
      const by = principal.subject;
      const { claimedUntil: _claimed, ...open } = claimed.item;
      try {
        await deps.publisher.publish(hub, [messageOf(item, body.payload)]);
      } catch (error) {
        const failed = { by, action: 'replay failed', at: deps.now().toISOString(), note: body.note };
        await repository.replaceLetter(audited(open, failed), claimed.etag);
        throw error;
      }
      const action = body.payload === undefined ? 'replayed' : 'replayed with a corrected payload';
      const act = { by, action, at: deps.now().toISOString(), note: body.note };
      const replayed = audited({ ...open, status: 'Replayed' as const }, act);
      const { item: written } = await repository.replaceLetter(replayed, claimed.etag);
      return { status: 200, body: letterView(written) };
    },

    discard: async ({ params, body }, { principal }) => {
      const { item, etag } = await known(params);
      if (item.status === 'Discarded') return { status: 200, body: letterView(item) };
      checkOpen(item, deps.now());
      const act = {
        by: principal.subject,
        action: 'discarded',
        at: deps.now().toISOString(),
        note: body.note,
      };
      const discarded = audited({ ...item, status: 'Discarded' as const }, act);
      const { item: written } = await orConflict(() => repository.replaceLetter(discarded, etag));
      return { status: 200, body: letterView(written) };
    },
  };
}

/** When two operators change a letter at the same time, the second one gets an error. */
async function orConflict<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    throw new AppError('conflict', 'another operator changed this dead letter: read it again', {
      cause: error,
    });
  }
}
