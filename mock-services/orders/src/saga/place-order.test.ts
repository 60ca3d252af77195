import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../decide-order.ts';
import { evolve, initialState, type Order, type OrderEvent } from '../order.ts';
import { conclude, nextSteps, type Outcome, type Step, shipped } from './place-order.ts';

const lines = [{ productId: 'p1', quantity: 2, unitPrice: { amount: 4_990, currency: 'EUR' } }];
const at = '2026-01-15T12:00:00.000Z';
const fold = (events: readonly OrderEvent[], from = initialState) =>
  events.reduce((order, event) => evolve(order, event, at), from);
const placed = decide(initialState, { type: 'place', lines });

const names = ['reserve', 'authorise', 'schedule'];
const done: Outcome = { kind: 'done' };
const unknown: Outcome = { kind: 'unknown' };
const left: Outcome = { kind: 'shipped' };
const refused = (reason: string): Outcome => ({ kind: 'refused', reason });
const textOf = ({ saga, name, direction }: Step) => `${saga}:${name}:${direction}`;

/** An order to which things happen one after the other. */
function tell() {
  let order: Order = fold(placed);
  const types: string[] = [];
  const happen = (events: readonly OrderEvent[]) => {
    order = fold(events, order);
    types.push(...events.map(({ type }) => type));
  };
  const story = {
    /** The step with this name ends so; it must be one that is under way. */
    ends: (wanted: string, outcome = done) => {
      const step = nextSteps(order).find((one) => textOf(one) === wanted);
      assert.ok(step, `${wanted} is not under way, but ${nextSteps(order).map(textOf)}`);
      happen(conclude(order, step, outcome));
      return story;
    },
    cancel: () => {
      happen(decide(order, { type: 'cancel' }));
      return story;
    },
    leaves: () => {
      happen(shipped(order));
      return story;
    },
    next: () => nextSteps(order).map(textOf),
    order: () => order,
    types,
  };
  return story;
}
const confirmed = () => tell().ends('place:reserve:do').ends('place:authorise:do').ends('place:schedule:do');
const finished = () => confirmed().ends('place:capture:do').ends('place:commit:do');

describe('An order that is placed', () => {
  it('costs what its lines cost', () => {
    const two = [...lines, { productId: 'p2', quantity: 1, unitPrice: { amount: 20, currency: 'EUR' } }];
    const [event] = decide(initialState, { type: 'place', lines: two });
    assert.deepEqual(event, {
      type: 'order-placed',
      data: { lines: two, total: { amount: 10_000, currency: 'EUR' } },
    });
    const mixed = two.map((line, index) => ({
      ...line,
      unitPrice: { amount: 1, currency: ['EUR', 'USD'][index] ?? '' },
    }));
    assert.throws(() => decide(initialState, { type: 'place', lines: mixed }), {
      problem: 'invalid-request',
    });
  });

  it('goes a step at a time until it is confirmed, and takes the money and sells the stock then', () => {
    const story = tell();
    assert.deepEqual(story.next(), ['place:reserve:do']);
    assert.deepEqual(story.ends('place:reserve:do').next(), ['place:authorise:do']);
    assert.deepEqual(story.ends('place:authorise:do').next(), ['place:schedule:do']);
    story.ends('place:schedule:do');
    assert.equal(story.order().status, 'CONFIRMED');
    assert.deepEqual(story.next(), ['place:capture:do', 'place:commit:do']);
    assert.deepEqual(story.ends('place:commit:do').ends('place:capture:do').next(), []);
    assert.deepEqual(story.types, [
      'stock-reserved',
      'payment-authorised',
      'shipment-scheduled',
      'order-confirmed',
      'stock-committed',
      'payment-captured',
    ]);
    assert.equal(story.leaves().order().status, 'SHIPPED');
    assert.deepEqual(
      story.order().timeline.map(({ type }) => type),
      ['order-placed', ...story.types],
    );
  });

  const refusals: readonly [number, string, string][] = [
    [0, 'out_of_stock', ''],
    [1, 'payment_declined', 'stock-released'],
    [2, 'shipping_unavailable', 'payment-refunded stock-released'],
  ];
  for (const [index, reason, undone] of refusals) {
    it(`is rejected when ${names[index]} is refused, after what came before it is undone`, () => {
      const story = tell();
      for (const name of names.slice(0, index)) story.ends(`place:${name}:do`);
      story.ends(`place:${names[index]}:do`, refused(reason));
      for (const name of names.slice(0, index).reverse()) {
        assert.equal(story.order().status, 'PENDING');
        assert.deepEqual(story.next(), [`place:${name}:undo`]);
        story.ends(`place:${name}:undo`);
      }
      assert.deepEqual([story.order().status, story.order().reason, story.next()], ['REJECTED', reason, []]);
      assert.deepEqual(story.types.slice(index), [
        'step-failed',
        ...undone.split(' ').filter(Boolean),
        'order-rejected',
      ]);
    });
  }

  const unknowns = ['inventory_unavailable', 'payment_unavailable', 'shipping_unavailable'];
  for (const [index, reason] of unknowns.entries()) {
    it(`is rejected when nobody knows of ${names[index]}, after that is undone as well`, () => {
      const story = tell();
      for (const name of names.slice(0, index)) story.ends(`place:${name}:do`);
      story.ends(`place:${names[index]}:do`, unknown);
      for (const name of names.slice(0, index + 1).reverse()) story.ends(`place:${name}:undo`);
      assert.deepEqual([story.order().status, story.order().reason, story.next()], ['REJECTED', reason, []]);
    });
  }

  it('goes on when the parcel of an unknown outcome has left', () => {
    const story = tell()
      .ends('place:reserve:do')
      .ends('place:authorise:do')
      .ends('place:schedule:do', unknown);
    story.ends('place:schedule:undo', left);
    assert.deepEqual(story.types.slice(2), ['step-failed', 'shipment-scheduled', 'order-confirmed']);
    assert.deepEqual(story.next(), ['place:capture:do', 'place:commit:do']);
  });

  it('is confirmed by its parcel, if that has left before the answer came', () => {
    const story = tell().ends('place:reserve:do').ends('place:authorise:do').leaves();
    assert.deepEqual(story.types.slice(2), ['shipment-scheduled', 'order-confirmed', 'order-shipped']);
    assert.equal(story.order().status, 'SHIPPED');
    assert.deepEqual(story.next(), ['place:capture:do', 'place:commit:do']);
    const late: Step = { saga: 'place', name: 'schedule', direction: 'do' };
    assert.deepEqual(conclude(story.order(), late, done), []);
  });
});

describe('An order that is cancelled', () => {
  for (const [index, name] of names.entries()) {
    it(`during ${name} has that ended first, and is undone then`, () => {
      const story = tell();
      for (const before of names.slice(0, index)) story.ends(`place:${before}:do`);
      story.cancel();
      assert.deepEqual(story.next(), [`place:${name}:do`]);
      story.ends(`place:${name}:do`);
      for (const before of names.slice(0, index + 1).reverse()) story.ends(`place:${before}:undo`);
      assert.deepEqual([story.order().status, story.order().reason], ['CANCELLED', 'cancelled_by_customer']);
      assert.ok(!story.types.includes('order-confirmed'));
    });
  }

  it('is cancelled also when the step under way is refused', () => {
    const story = tell().cancel().ends('place:reserve:do', refused('out_of_stock'));
    assert.deepEqual([story.order().status, story.order().reason], ['CANCELLED', 'cancelled_by_customer']);
  });

  it('is undone as a whole when it was confirmed: parcel, money, stock', () => {
    const story = finished().cancel();
    assert.equal(story.order().status, 'CONFIRMED');
    story.ends('cancel:schedule:undo').ends('cancel:authorise:undo').ends('cancel:reserve:undo');
    assert.equal(story.order().status, 'CANCELLED');
    assert.deepEqual(story.types.slice(-5), [
      'cancellation-requested',
      'shipment-cancelled',
      'payment-refunded',
      'stock-released',
      'order-cancelled',
    ]);
  });

  it('gives nothing back that is still being taken', () => {
    const story = confirmed().cancel();
    assert.deepEqual(story.next(), ['place:capture:do', 'place:commit:do', 'cancel:schedule:undo']);
    assert.deepEqual(story.ends('cancel:schedule:undo').next(), ['place:capture:do', 'place:commit:do']);
    assert.deepEqual(story.ends('place:capture:do').next(), ['place:commit:do', 'cancel:authorise:undo']);
    assert.deepEqual(story.ends('cancel:authorise:undo').next(), ['place:commit:do']);
    assert.deepEqual(story.ends('place:commit:do').next(), ['cancel:reserve:undo']);
    assert.equal(story.ends('cancel:reserve:undo').order().status, 'CANCELLED');
  });

  it('stays as it is when the parcel has left', () => {
    const story = finished().cancel().ends('cancel:schedule:undo', left);
    assert.deepEqual(story.types.slice(-1), ['cancellation-refused']);
    assert.deepEqual([story.order().status, story.next()], ['CONFIRMED', []]);
    assert.throws(() => story.cancel(), { problem: 'conflict' });
    assert.equal(story.leaves().order().status, 'SHIPPED');
  });

  it('is told so once: what was asked for already changes nothing, what is over can not be', () => {
    assert.deepEqual(tell().cancel().cancel().types, ['cancellation-requested']);
    const cancelled = tell().cancel().ends('place:reserve:do', refused('out_of_stock'));
    assert.deepEqual(decide(cancelled.order(), { type: 'cancel' }), []);
    const rejected = tell().ends('place:reserve:do', refused('out_of_stock'));
    assert.throws(() => rejected.cancel(), { problem: 'conflict' });
    assert.throws(() => finished().leaves().cancel(), { problem: 'conflict' });
  });
});

it('A step that ends twice, or too late, changes nothing', () => {
  const over = tell().ends('place:reserve:do', refused('out_of_stock')).order();
  const whole = finished().leaves().order();
  const directions = ['do', 'undo'] as const;
  for (const name of ['reserve', 'authorise', 'schedule', 'look'] as const) {
    for (const direction of directions)
      assert.deepEqual(conclude(over, { saga: 'place', name, direction }, done), []);
  }
  for (const name of ['reserve', 'authorise', 'schedule', 'capture', 'commit', 'look'] as const) {
    assert.deepEqual(conclude(whole, { saga: 'place', name, direction: 'do' }, done), []);
  }
  assert.deepEqual(shipped(over), []);
  assert.deepEqual(shipped(whole), []);
});
