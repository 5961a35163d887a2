export interface FoldedStock {
  readonly available: number;
  readonly reserved: number;
}

/** What one item of each kind of movement does. They add up in any order, so a sum of movements is as good as each of them. */
const effects: Readonly<Record<string, FoldedStock>> = {
  RESTOCK: { available: 1, reserved: 0 },
  RESERVE: { available: -1, reserved: 1 },
  CONFIRM: { available: 0, reserved: -1 },
  RELEASE: { available: 1, reserved: -1 },
  UNCONFIRM: { available: 0, reserved: 1 },
};

export const noStock: FoldedStock = { available: 0, reserved: 0 };

/** The stock after `qty` items were moved. Throws a RangeError on a kind of movement that there is not. */
export function evolveStock(stock: FoldedStock, kind: string, qty: number): FoldedStock {
  const effect = effects[kind];
  if (effect === undefined) throw new RangeError(`${kind} is no movement of stock`);
  return { available: stock.available + effect.available * qty, reserved: stock.reserved + effect.reserved * qty };
}
