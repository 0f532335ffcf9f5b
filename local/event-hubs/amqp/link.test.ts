/** The rules of a link, one by one, which no client of Microsoft's breaks. */
import { beforeEach, describe, expect, test } from 'vitest';
import { ProtocolError } from './errors.ts';
import type { LinkFlow, LinkSession } from './layers.ts';
import { type Delivery, Link } from './link.ts';
import { type Attach, CODE, type Flow, readPerformative, type Transfer } from './performatives.ts';

let written: { code: number; flow?: LinkFlow; drain?: boolean }[];
let transferred: string[];
let settled: string[];
let window: number;
let deliveries: Delivery[];

beforeEach(() => {
  [written, transferred, settled, deliveries] = [[], [], [], []];
  window = 10;
});

const session = {
  connection: { handling: () => undefined },
  get window() {
    return window;
  },
  send: (body: Buffer) => void written.push({ code: readPerformative(body).code }),
  writeFlow: (flow: LinkFlow, drain = false) => void written.push({ code: CODE.flow, flow, drain }),
  writeDispositions: () => undefined,
  transfer: (_handle: number, message: Buffer) => {
    transferred.push(message.toString());
    window -= 1;
  },
  accept: (id: number) => void settled.push(`accepted ${id}`),
  reject: (id: number) => void settled.push(`rejected ${id}`),
} as unknown as LinkSession;

/** @param sends whether the broker sends on it */
function open(sends: boolean): Link {
  const end = { address: 'hub', bytes: Buffer.from([0x40]) };
  const attach = {
    name: 'a link',
    handle: 0,
    role: sends,
    source: end,
    target: end,
    initialDeliveryCount: 0,
    desiredCapabilities: [],
    properties: new Map(),
  } as unknown as Attach;
  const link = new Link(session, attach, 0);
  link.onMessage = (delivery) => deliveries.push(delivery);
  return link;
}

const accepted = (sends: boolean): Link => {
  const link = open(sends);
  link.accept({ maxMessageSize: 10 });
  return link;
};
const flow = (rest: Partial<Flow>): Flow => ({
  nextIncomingId: 0,
  incomingWindow: 10,
  nextOutgoingId: 0,
  handle: 0,
  deliveryCount: 0,
  linkCredit: undefined,
  drain: false,
  echo: false,
  ...rest,
});
const transfer = (deliveryId: number | undefined, rest: Partial<Transfer> = {}): Transfer => ({
  handle: 0,
  deliveryId,
  format: 0,
  settled: false,
  more: false,
  aborted: false,
  payload: Buffer.from('x'),
  ...rest,
});
const flows = () => written.filter(({ code }) => code === CODE.flow);

describe('a link that sends', () => {
  test('S1: sends nothing without credit, and what waits goes first once there is some', () => {
    const link = accepted(true);
    for (const text of ['a', 'b', 'c']) link.send(Buffer.from(text));
    expect(transferred).toEqual([]);
    link.flowed(flow({ linkCredit: 2 }));
    expect(transferred).toEqual(['a', 'b']);
    link.onCredit = () => link.send(Buffer.from('d'));
    link.flowed(flow({ deliveryCount: 2, linkCredit: 2 }));
    expect(transferred).toEqual(['a', 'b', 'c', 'd']);
  });

  test('S1: a message does not overtake one that waits', () => {
    const link = accepted(true);
    link.send(Buffer.from('first'));
    link.credit = 5;
    link.send(Buffer.from('second'));
    expect(transferred).toEqual([]);
    link.wake();
    expect(transferred).toEqual(['first', 'second']);
  });

  test('S1: sends nothing while the window of the session is closed', () => {
    const link = accepted(true);
    link.flowed(flow({ linkCredit: 5 }));
    window = 1;
    for (const text of ['a', 'b']) link.send(Buffer.from(text));
    expect(transferred).toEqual(['a']);
    window = 1;
    link.wake();
    expect(transferred).toEqual(['a', 'b']);
  });

  test('S1: credit that is behind what was sent is none, and none of 32 bits', () => {
    const link = accepted(true);
    link.flowed(flow({ linkCredit: 3 }));
    for (const text of ['a', 'b', 'c']) link.send(Buffer.from(text));
    link.flowed(flow({ deliveryCount: 0, linkCredit: 1 }));
    expect(link.credit).toBe(0);
    link.send(Buffer.from('d'));
    expect(transferred).toEqual(['a', 'b', 'c']);
  });

  test('a drain uses the credit up, and says so with the count that it has come to', () => {
    const link = accepted(true);
    link.flowed(flow({ linkCredit: 5, drain: true }));
    link.send(Buffer.from('a'));
    link.drained();
    expect(flows()).toEqual([
      { code: CODE.flow, flow: { handle: 0, deliveryCount: 5, credit: 0 }, drain: true },
    ]);
    link.drained();
    expect(flows()).toHaveLength(1);
    link.flowed(flow({ deliveryCount: 5, linkCredit: 1 }));
    link.send(Buffer.from('b'));
    expect(transferred).toEqual(['a', 'b']);
  });
});

describe('a link that takes', () => {
  test('S1: a transfer without credit closes it, and is not delivered', () => {
    const link = open(false);
    link.transferred(transfer(0));
    expect(deliveries).toEqual([]);
    expect(link.isOpen).toBe(false);
    expect(written.map(({ code }) => code)).toEqual([CODE.detach]);
  });

  test('credit is granted again before a sender runs out of it', () => {
    const link = accepted(false);
    const [first] = flows();
    const granted = first?.flow?.credit ?? 0;
    for (let id = 0; id < granted * 3; id++) link.transferred(transfer(id));
    expect(deliveries).toHaveLength(granted * 3);
    expect(link.isOpen).toBe(true);
    expect(flows().at(-1)?.flow?.credit).toBe(granted);
    expect(flows().length).toBeGreaterThan(2);
  });

  test('a delivery in several transfers is one message; another one within it is an error', () => {
    const link = accepted(false);
    link.transferred(transfer(0, { more: true, payload: Buffer.from('ab') }));
    link.transferred(transfer(undefined, { more: true, payload: Buffer.from('cd') }));
    expect(() => link.transferred(transfer(1))).toThrow(ProtocolError);
    link.transferred(transfer(0, { payload: Buffer.from('e') }));
    expect(deliveries.map(({ message }) => message?.toString())).toEqual(['abcde']);
  });

  test('a delivery that is aborted is not delivered, and the next one is', () => {
    const link = accepted(false);
    link.transferred(transfer(0, { more: true }));
    link.transferred(transfer(0, { more: true, aborted: true }));
    link.transferred(transfer(1, { payload: Buffer.from('next') }));
    expect(deliveries.map(({ message }) => message?.toString())).toEqual(['next']);
  });

  test('a delivery that came settled gets no disposition; any other gets one, once', () => {
    const link = accepted(false);
    link.transferred(transfer(0, { settled: true }));
    link.transferred(transfer(1));
    link.transferred(transfer(2));
    const [first, second, third] = deliveries;
    first?.accept();
    first?.reject({ condition: 'amqp:internal-error' } as never);
    second?.accept();
    second?.accept();
    third?.reject({ condition: 'amqp:internal-error' } as never);
    third?.accept();
    expect(settled).toEqual(['accepted 1', 'rejected 2']);
  });

  test('a message that is larger than the link allows is delivered without its bytes', () => {
    const link = accepted(false);
    link.transferred(transfer(0, { payload: Buffer.alloc(11) }));
    link.transferred(transfer(1, { payload: Buffer.alloc(10) }));
    expect(deliveries.map(({ message }) => message?.length)).toEqual([undefined, 10]);
  });
});
