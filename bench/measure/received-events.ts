interface SourceCounts {
  readonly distinctOrders: number;
}

/** Orders the outside has heard of, whatever their source. One arm at a time is measured, so the difference is the arm's. */
export async function receivedOrders(dataPlatformUrl: string, signal: AbortSignal): Promise<number> {
  const response = await fetch(`${dataPlatformUrl}/v1/stats`, { signal });
  const sources = (await response.json()) as Record<string, SourceCounts>;
  return Object.values(sources).reduce((sum, source) => sum + source.distinctOrders, 0);
}
