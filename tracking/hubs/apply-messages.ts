/**
 * Applies the messages of both hubs to the state, and passes on the changes.
 *
 * A1 A message that cannot be read or applied becomes a dead letter with its reason; the messages behind it are applied.
 */
import { CloudEvent } from '../../shared/contracts/events.ts';
import { DroneCommand } from '../../shared/contracts/flight.ts';
import { toAppError } from '../../shared/errors.ts';
import { describeErrors, type Read, readJson } from '../../shared/read.ts';
import type { Watchers } from '../fan-out/watchers.ts';
import type { Commands } from '../ingest/commands.ts';
import type { HubMessage } from '../ports.ts';
import type { Deliveries, StateChange } from '../state/deliveries.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { MissionTraces } from './mission-traces.ts';

export interface MessagesOptions {
  readonly deliveries: Pick<Deliveries, 'applyCommand' | 'applyEvent'>;
  readonly commands: Pick<Commands, 'offer' | 'missionFinished'>;
  readonly watchers: Pick<Watchers, 'stage'>;
  readonly deadLetters: Pick<DeadLetters, 'add'>;
  readonly traces: Pick<MissionTraces, 'remember'>;
}

export interface Messages {
  /** A message of `drone-commands`. */
  readonly onCommand: (message: HubMessage) => void;
  /** A message of `domain-events`. */
  readonly onDomainEvent: (message: HubMessage) => void;
}

export function createMessages({
  deliveries,
  commands,
  watchers,
  deadLetters,
  traces,
}: MessagesOptions): Messages {
  const passOn = (changes: readonly StateChange[]) => {
    for (const change of changes) {
      if (change.kind === 'stage') watchers.stage(change.delivery, change.change, change.ended);
      else if (change.kind === 'finished') commands.missionFinished(change.missionId);
    }
  };
  const applied = <T>(hub: string, message: HubMessage, found: Read<T>, apply: (value: T) => void) => {
    if (!found.ok) {
      const reason = `not a message of this hub: ${describeErrors(found.errors)}`;
      return deadLetters.add(hub, message, reason, 'tracking.parse');
    }
    try {
      return apply(found.value);
    } catch (thrown) {
      const { code, message: detail } = toAppError(thrown);
      return deadLetters.add(hub, message, `${code}: ${detail}`, 'tracking.handle');
    }
  };
  return {
    onCommand: (message) =>
      applied('drone-commands', message, readJson(DroneCommand, message.bytes, 'message'), (command) => {
        traces.remember(command.missionId, message);
        passOn(deliveries.applyCommand(command));
        commands.offer(command);
      }),
    onDomainEvent: (message) =>
      applied('domain-events', message, readJson(CloudEvent, message.bytes, 'message'), (event) =>
        passOn(deliveries.applyEvent(event)),
      ),
  };
}
