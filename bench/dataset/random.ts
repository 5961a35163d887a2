/**
 * A seeded stream of numbers in [0, 1): splitmix32 (Steele, Lea, Flood 2014; constants by Wellons' hash prospector).
 * Every order, user and product has a stream of its own, so one of them can be made again without those before it.
 */
export function randomOf(seed: number, stream: number): () => number {
  let state = (mix(seed) ^ mix(stream + golden)) | 0;
  return () => {
    state = (state + golden) | 0;
    return mix(state) / 2 ** 32;
  };
}

// Looked up once: under Jest, whose globals are proxied, `Math` in every call cost 80 times as much.
const { imul } = Math;
const golden = 0x9e3779b9;

function mix(value: number): number {
  let z = value | 0;
  z = imul(z ^ (z >>> 16), 0x21f0aaad);
  z = imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

/** An integer in [from, to], both included. */
export const integer = (random: () => number, from: number, to: number): number =>
  from + Math.floor(random() * (to - from + 1));

/** Fisher and Yates. */
export function shuffled<T>(random: () => number, values: readonly T[]): T[] {
  const result = [...values];
  for (let i = result.length - 1; i > 0; i--) {
    const j = integer(random, 0, i);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

/**
 * The i-th point, in [0, 1), of one of three sequences that together fill the cube evenly (Roberts' R3, powers of the
 * inverse of the root of x^4 = x + 1). Shares are cut from these and not from random numbers: any run of
 * consecutive orders then has the same mix, and the choices of different axes do not fall into step.
 */
export function evenly(axis: 0 | 1 | 2, i: number, offset: number): number {
  const x = offset + i * (axes[axis] as number);
  return x - Math.floor(x);
}

const axes = [1, 2, 3].map((power) => 1.2207440846057596 ** -power);
