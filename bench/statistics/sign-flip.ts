const exactUpTo = 14;
const samples = 10_000;

/**
 * Two-sided p of the sign-flip permutation test on paired log-ratios: if the arms were equal, each round could as well
 * have come out the other way round. Exact up to 14 rounds. With n rounds p is never below 2 / 2^n, so six rounds are
 * the fewest that can reach 0.05. 1 for an empty list.
 */
export function signFlipP(ratios: readonly number[], random: () => number): number {
  const logs = ratios.map(Math.log);
  const observed = Math.abs(sum(logs)) - 1e-12;
  if (logs.length <= exactUpTo) {
    const all = 2 ** logs.length;
    let extreme = 0;
    for (let mask = 0; mask < all; mask++) if (Math.abs(flipped(logs, (i) => (mask >> i) & 1)) >= observed) extreme++;
    return extreme / all;
  }
  let extreme = 1; // the observed one
  for (let i = 0; i < samples; i++) if (Math.abs(flipped(logs, () => (random() < 0.5 ? 1 : 0))) >= observed) extreme++;
  return extreme / (samples + 1);
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function flipped(values: readonly number[], flip: (index: number) => number): number {
  return values.reduce((total, value, i) => total + (flip(i) === 1 ? -value : value), 0);
}
