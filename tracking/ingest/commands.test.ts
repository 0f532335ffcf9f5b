import { beforeEach, describe, expect, test } from 'vitest';
import type { DroneCommand } from '../../shared/contracts/flight.ts';
import { createDeliveries, type Deliveries } from '../state/deliveries.ts';
import { missionCommand, missionOf, recallCommand, stageEvent } from '../world.fixture.ts';
import { type Commands, createCommands } from './commands.ts';

let connected: Set<string>;
let sent: string[];
let deliveries: Deliveries;
let commands: Commands;

beforeEach(() => {
  connected = new Set();
  sent = [];
  deliveries = createDeliveries({ now: Date.now, retainEnded: 60_000 });
  commands = createCommands({
    deliveries,
    send: (droneId, { commandId }) => {
      if (!connected.has(droneId)) return false;
      sent.push(commandId);
      return true;
    },
  });
});

const mission = (deliveryId: string, fence: number) => missionOf('drone-1', deliveryId, fence);
const learn = (command: DroneCommand) => {
  deliveries.applyCommand(command);
  commands.offer(command);
};
const greet = (newestFence = 0) => {
  connected.add('drone-1');
  commands.hello('drone-1', newestFence);
};

describe('until it is received', () => {
  test('C1 a command is sent repeatedly, and never after it was received', () => {
    commands.open();
    greet();
    learn(missionCommand(mission('a', 1)));
    commands.repeat();
    greet();
    expect(sent).toEqual(['a-m1', 'a-m1', 'a-m1']);
    expect(commands.received('drone-1', 'a-m1')).toBe(true);
    expect(commands.received('drone-1', 'a-m1')).toBe(false);
    learn(missionCommand(mission('a', 1)));
    commands.repeat();
    greet(1);
    expect(sent).toHaveLength(3);
    expect(commands.pending()).toBe(0);
  });

  test('the same command from the hub twice waits once', () => {
    commands.open();
    learn(missionCommand(mission('a', 1)));
    learn(missionCommand(mission('a', 1)));
    greet();
    expect(sent).toEqual(['a-m1']);
  });

  test('a mission and its recall go down in their order', () => {
    commands.open();
    learn(missionCommand(mission('a', 1)));
    learn(recallCommand(mission('a', 1)));
    greet();
    expect(sent).toEqual(['a-m1', 'a-m1-recall']);
  });
});

describe('what is not sent', () => {
  test('C2 a mission that a newer one has replaced; its recall is', () => {
    commands.open();
    learn(missionCommand(mission('a', 1)));
    learn(recallCommand(mission('a', 1)));
    learn(missionCommand(mission('b', 2)));
    greet();
    expect(sent).toEqual(['a-m1-recall', 'b-m2']);
  });

  test('C2 a mission that is older than what the drone says it knows; the same fence is sent again', () => {
    commands.open();
    learn(missionCommand(mission('a', 4)));
    greet(5);
    expect(sent).toEqual([]);
    expect(commands.pending()).toBe(0);
    learn(missionCommand(mission('b', 5)));
    expect(sent).toEqual(['b-m5']);
  });

  test('C3 anything before the rebuild is complete', () => {
    greet();
    learn(missionCommand(mission('a', 1)));
    learn(missionCommand(mission('b', 2)));
    for (const changes of deliveries.applyEvent(stageEvent('b', 'Cancelled', 1))) {
      if (changes.kind === 'finished') commands.missionFinished(changes.missionId);
    }
    expect(sent).toEqual([]);
    learn(missionCommand(mission('c', 3)));
    commands.open();
    expect(sent).toEqual(['c-m3']);
  });

  test('C3 a mission that is over is dropped, whether it waits or comes later', () => {
    commands.open();
    learn(missionCommand(mission('a', 1)));
    deliveries.applyEvent(stageEvent('a', 'Cancelled', 1));
    greet();
    learn(recallCommand(mission('a', 1)));
    expect(sent).toEqual([]);
    expect(commands.pending()).toBe(0);
  });
});

test('C1 when one cannot be sent, those behind it wait: a drone gets its commands in their order', () => {
  const order: string[] = [];
  let refusals = 1;
  const careful = createCommands({
    deliveries,
    send: (_, { commandId }) => {
      if (refusals > 0) {
        refusals -= 1;
        return false;
      }
      order.push(commandId);
      return true;
    },
  });
  const first = mission('a', 1);
  for (const command of [missionCommand(first), recallCommand(first)]) {
    deliveries.applyCommand(command);
    careful.offer(command);
  }
  careful.open();
  expect(order).toEqual([]);
  careful.repeat();
  expect(order).toEqual(['a-m1', 'a-m1-recall']);
});
