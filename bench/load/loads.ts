/** What drives the payments of a run. */
export const loads = [
  { name: 'autocannon', openLoop: false, title: 'autocannon, closed loop' },
  { name: 'open', openLoop: true, title: 'our own open loop' },
  { name: 'k6', openLoop: true, title: 'k6, open loop' },
] as const;

export type LoadName = (typeof loads)[number]['name'];

const rowOf = (name: LoadName): (typeof loads)[number] => loads.find((row) => row.name === name) ?? loads[0];

/** Payments come at their rate, whether earlier ones have been answered or not. */
export const isOpenLoop = (name: LoadName): boolean => rowOf(name).openLoop;
export const titleOf = (name: LoadName): string => rowOf(name).title;

/**
 * The same for every engine, or they would not be asked the same question. About half of what the monolith settles in `bare`;
 * on a hot product it settles a third of it, and the report says what it could not serve.
 */
export const defaultRatePerSecond = 60;

/** k6 takes no shorter load than this; what comes after the window does not count. */
export const shortestOpenLoopSeconds = 1;

/** Longer than a router holds a request: a payment that is not answered by then never will be. */
export const requestTimeoutMs = 35_000;

/** Requests that may wait for an answer at once in an open loop. Who comes when all are waiting is not served. */
export const openLoopClients = 256;
