import type { Asked } from './pay-at-once.ts';

/** An order of the world, and what is there for it before it is paid. */
export interface Planned extends Asked {
  readonly engine: string | null;
  readonly lines: readonly { readonly productId: number; readonly qty: number; readonly unitPrice: number }[];
  readonly totalAmount: number;
  readonly reservationLapsed: boolean;
}

interface Kind {
  readonly who?: keyof typeof people;
  /** `own`: issued to this order's user for it. `used`: the one that an earlier order has paid with. */
  readonly coupon?: 'own' | 'used';
  readonly reservationLapsed?: boolean;
  readonly totalOff?: boolean;
}

/** Each engine has three users of its own. */
const people = { rich: 0, poor: 1, blocked: 2 } as const;
const peopleOfEngine = 3;
export const isOne = (userId: number, who: keyof typeof people): boolean =>
  (userId - 1) % peopleOfEngine === people[who];

const paying: readonly Kind[] = [{ coupon: 'own' }, {}, {}, { coupon: 'own' }];

/** Every reason for which a payment can be refused, with and without a coupon. */
const refused: readonly Kind[] = [
  { who: 'poor' },
  { who: 'poor', coupon: 'own' },
  { reservationLapsed: true },
  { reservationLapsed: true, coupon: 'own' },
  { coupon: 'used' },
  { totalOff: true },
  { who: 'blocked' },
  { who: 'blocked', coupon: 'own' },
];

interface Asking {
  readonly engine: string | null;
  readonly kinds: readonly Kind[];
}

const asking: readonly Asking[] = [
  { engine: 'history', kinds: paying },
  ...['legacy', 'legacy-lean', 'orchestration', 'choreography'].map((engine) => ({
    engine,
    kinds: [...paying, ...refused],
  })),
  { engine: null, kinds: [{}, {}, {}] }, // placed, not paid yet
];

export function plannedOrders(): Planned[] {
  const orders: Planned[] = [];
  for (const [i, { engine, kinds }] of asking.entries()) {
    const [firstOrder, firstUser] = [orders.length + 1, 1 + i * peopleOfEngine];
    for (const [j, kind] of kinds.entries()) {
      const coupons = { own: firstOrder + j, used: firstOrder };
      orders.push({
        ...ordered(firstOrder + j, kind),
        engine,
        userId: firstUser + people[kind.who ?? 'rich'],
        couponId: kind.coupon === undefined ? null : coupons[kind.coupon],
        reservationLapsed: kind.reservationLapsed === true,
      });
    }
  }
  return orders;
}

const products = 6;
const priceOf = (productId: number): number => 1_000 * productId;

function ordered(orderId: number, { totalOff = false }: Kind): Pick<Planned, 'orderId' | 'lines' | 'totalAmount'> {
  const lines = [orderId, orderId + 1 + (orderId % 3)].map((n, i) => {
    const productId = 1 + (n % products);
    return { productId, qty: 1 + i, unitPrice: priceOf(productId) };
  });
  const total = lines.reduce((sum, { qty, unitPrice }) => sum + qty * unitPrice, 0);
  return { orderId, lines, totalAmount: totalOff ? total + 1 : total };
}
