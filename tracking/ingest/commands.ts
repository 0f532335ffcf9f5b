/**
 * Sends commands down to the drones. A command that a drone has not confirmed is sent again: on reconnect, and periodically.
 *
 * C1 a command is sent until the drone answers `received`, and never again after that.
 * C2 of a drone's missions only the one with the newest fence is sent; a recall is always sent, since a caller waits for it.
 * C3 nothing is sent for a finished mission, nor before the rebuild is complete (`open`): the mission could be finished.
 */
import type { DroneCommand } from '../../shared/contracts/flight.ts';
import type { Deliveries } from '../state/deliveries.ts';

export interface CommandsOptions {
  readonly deliveries: Pick<Deliveries, 'mission' | 'newestFence'>;
  /** False when the drone has no open socket. */
  readonly send: (droneId: string, command: DroneCommand) => boolean;
  readonly onSent?: (command: DroneCommand, again: boolean) => void;
}

export interface Commands {
  /** From the hub. */
  readonly offer: (command: DroneCommand) => void;
  /** Begins to send commands. */
  readonly open: () => void;
  readonly hello: (droneId: string, newestFence: number) => void;
  readonly received: (droneId: string, commandId: string) => boolean;
  readonly missionFinished: (missionId: string) => void;
  /** Sends unconfirmed commands again. */
  readonly repeat: () => void;
  readonly pending: () => number;
}

interface Mailbox {
  readonly waiting: Map<string, { readonly command: DroneCommand; sent: boolean }>;
  /** Ids of received commands; the oldest are forgotten. */
  readonly received: Set<string>;
  helloFence: number;
}

const MAX_REMEMBERED = 64;

const newMailbox = (): Mailbox => ({ waiting: new Map(), received: new Set(), helloFence: 0 });

export function createCommands({ deliveries, send, onSent }: CommandsOptions): Commands {
  const mailboxes = new Map<string, Mailbox>();
  const withMail = new Set<string>();
  let isOpen = false;

  const mailboxOf = (droneId: string): Mailbox => {
    const box = mailboxes.get(droneId) ?? newMailbox();
    mailboxes.set(droneId, box);
    return box;
  };

  const isDue = (command: DroneCommand, box: Mailbox) => {
    if (deliveries.mission(command.missionId)?.finished) return false;
    const newest = Math.max(deliveries.newestFence(command.droneId), box.helloFence);
    return command.kind === 'Recall' || command.fence >= newest;
  };

  const deliver = (droneId: string) => {
    const box = mailboxes.get(droneId);
    if (!isOpen || !box) return;
    for (const [commandId, entry] of box.waiting) {
      if (!isDue(entry.command, box)) {
        box.waiting.delete(commandId);
        continue;
      }
      if (!send(droneId, entry.command)) break;
      onSent?.(entry.command, entry.sent);
      entry.sent = true;
    }
    if (box.waiting.size === 0) withMail.delete(droneId);
  };

  const drop = (droneId: string, commandId: string) => {
    const box = mailboxes.get(droneId);
    const had = box?.waiting.delete(commandId) ?? false;
    if (box?.waiting.size === 0) withMail.delete(droneId);
    return had;
  };

  return {
    offer: (command) => {
      const box = mailboxOf(command.droneId);
      if (box.received.has(command.commandId) || box.waiting.has(command.commandId)) return;
      box.waiting.set(command.commandId, { command, sent: false });
      withMail.add(command.droneId);
      deliver(command.droneId);
    },
    open: () => {
      isOpen = true;
      for (const droneId of withMail) deliver(droneId);
    },
    hello: (droneId, newestFence) => {
      mailboxOf(droneId).helloFence = newestFence;
      deliver(droneId);
    },
    received: (droneId, commandId) => {
      const { received } = mailboxOf(droneId);
      if (!drop(droneId, commandId)) return false;
      received.add(commandId);
      if (received.size > MAX_REMEMBERED) received.delete(received.values().next().value as string);
      return true;
    },
    missionFinished: (missionId) => {
      for (const droneId of withMail) {
        for (const [commandId, { command }] of mailboxes.get(droneId)?.waiting ?? []) {
          if (command.missionId === missionId) drop(droneId, commandId);
        }
      }
    },
    repeat: () => {
      for (const droneId of withMail) deliver(droneId);
    },
    pending: () => {
      let count = 0;
      for (const droneId of withMail) count += mailboxes.get(droneId)?.waiting.size ?? 0;
      return count;
    },
  };
}
