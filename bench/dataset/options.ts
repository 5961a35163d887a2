/** What a data set contains. Everything in it follows from these numbers; the same options give the same rows. */
export interface DatasetOptions {
  readonly seed: number;
  readonly users: number;
  readonly products: number;
  /** Payable orders, with ids 1..orders. */
  readonly orders: number;
  /** Skew of the demand for products: 0 uniform, 0.99 the usual hot set. */
  readonly zipfTheta: number;
  /** Share of the orders that contain product 1; the others do not contain it. 0: product 1 is like any other. */
  readonly hotShare: number;
  /** Share of the orders that ask for a coupon that may be used, over all kinds of order but `usedCouponShare`. */
  readonly couponShare: number;
  /** Share of the users. */
  readonly vipShare: number;
  /** Shares of the orders that must be refused, each for one reason; together at most 1. */
  readonly lowBalanceShare: number;
  readonly lapsedShare: number;
  readonly usedCouponShare: number;
  readonly blockedShare: number;
}

export const defaultDataset: DatasetOptions = {
  seed: 1,
  users: 10_000,
  products: 1_000,
  orders: 100_000,
  zipfTheta: 0,
  hotShare: 0,
  couponShare: 0.2,
  vipShare: 0.05,
  lowBalanceShare: 0,
  lapsedShare: 0,
  usedCouponShare: 0,
  blockedShare: 0,
};

const counts = {
  seed: [0, 2 ** 32 - 1],
  users: [3, 10_000_000],
  products: [1, 1_000_000],
  orders: [1, 100_000_000],
} as const;
const shares = [
  'hotShare',
  'couponShare',
  'vipShare',
  'lowBalanceShare',
  'lapsedShare',
  'usedCouponShare',
  'blockedShare',
] as const;

/** Completes the options from `defaultDataset`. Throws a RangeError that names the option and its limits. */
export function datasetOptions(given: Partial<DatasetOptions> = {}): DatasetOptions {
  const options = { ...defaultDataset, ...given };
  for (const [name, [from, to]] of Object.entries(counts) as [keyof typeof counts, readonly [number, number]][]) {
    if (!Number.isInteger(options[name])) throw new RangeError(`${name} must be a whole number, not ${options[name]}`);
    assertWithin(name, options[name], from, to);
  }
  for (const name of shares) assertWithin(name, options[name], 0, 1);
  assertWithin('zipfTheta', options.zipfTheta, 0, 5);
  const refused = options.lowBalanceShare + options.lapsedShare + options.usedCouponShare + options.blockedShare;
  assertWithin('the sum of lowBalanceShare, lapsedShare, usedCouponShare and blockedShare', refused, 0, 1);
  if (options.hotShare > 0 && options.products < 2) throw new RangeError('hotShare needs at least 2 products');
  return Object.freeze(options);
}

function assertWithin(name: string, value: number, from: number, to: number): void {
  if (!(value >= from && value <= to)) throw new RangeError(`${name} must be between ${from} and ${to}, not ${value}`);
}
