/** A line of an order as the outside sees it. Money in won. */
interface OutsideLine {
  readonly productId: number;
  readonly qty: number;
  readonly unitPrice: number;
}

/** What the outside hears, by topic. Written by `payment/outside-events.sql`, and where an order is placed by `router/order-sql.ts`. */
export interface OutsidePayloads {
  'payment.completed': {
    readonly paymentId: number;
    readonly orderId: number;
    readonly userId: number;
    readonly amount: number;
  };
  'order.created': {
    readonly orderId: number;
    readonly userId: number;
    readonly totalAmount: number;
    readonly lines: readonly OutsideLine[];
  };
  'order.completed': {
    readonly orderId: number;
    readonly userId: number;
    readonly amount: number;
    readonly lines: readonly OutsideLine[];
  };
  'product.purchased': OutsideLine & { readonly orderId: number; readonly userId: number };
  'user.activity': {
    readonly orderId: number;
    readonly userId: number;
    /** What the user did; also the topic of the event that says more of it. */
    readonly activity: 'order.created' | 'payment.completed';
    readonly amount: number;
  };
}
export type Topic = keyof OutsidePayloads;

/** Systems outside, by name. A route to another one works too; its figures are then counted under `other`. */
export const targetSystems = [
  'data-platform',
  'realtime-analytics',
  'data-warehouse',
  'customer-behaviour',
  'order-analytics',
  'inventory',
  'recommendation',
] as const;
export type TargetSystem = (typeof targetSystems)[number];

/** An event as it is sent. `eventId` stays the same however often it is sent: the key by which its receiver knows a repetition. */
export interface OutsideEnvelope<T extends Topic = Topic> {
  readonly eventId: string;
  readonly type: T;
  readonly orderId: number;
  readonly data: OutsidePayloads[T];
}

interface OutsideEvent {
  readonly topic: Topic;
  readonly name: string;
  /** The transaction that makes it true, and so writes it. */
  readonly when: readonly ('order placed' | 'payment')[];
  /** Who hears of it under the preset `full`. */
  readonly targets: readonly TargetSystem[];
}

/** Every event that leaves the house. Who hears of it is decided by the table delivery_route; this is where that starts from. */
export const outsideEvents: readonly OutsideEvent[] = [
  {
    topic: 'payment.completed',
    name: 'PaymentCompleted',
    when: ['payment'],
    targets: ['realtime-analytics', 'data-warehouse', 'customer-behaviour'],
  },
  {
    topic: 'order.created',
    name: 'OrderCreated',
    when: ['order placed'],
    targets: ['order-analytics', 'inventory', 'recommendation'],
  },
  {
    topic: 'order.completed',
    name: 'OrderCompleted',
    when: ['payment'],
    targets: ['order-analytics', 'inventory', 'recommendation'],
  },
  { topic: 'product.purchased', name: 'ProductPurchased', when: ['payment'], targets: ['inventory', 'recommendation'] },
  { topic: 'user.activity', name: 'UserActivity', when: ['order placed', 'payment'], targets: ['customer-behaviour'] },
];

export interface DeliveryRoute {
  readonly topic: string;
  readonly target: string;
}

/** `single`: what a fresh database has, the cheapest that tells anybody anything. `full`: every event to everybody it concerns. */
export const routingPresets = {
  single: [{ topic: 'payment.completed', target: 'data-platform' }],
  full: outsideEvents.flatMap(({ topic, targets }) => targets.map((target) => ({ topic, target }))),
} as const satisfies Readonly<Record<string, readonly DeliveryRoute[]>>;
export type RoutingPreset = keyof typeof routingPresets;
