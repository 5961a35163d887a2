import { BaseTransport, getTransportBody, type TransportItem, VERSION } from '@grafana/faro-core';
import type { FaroConfig } from '../faro-config.ts';
import type { EventResult } from '../telemetry.ts';
import { postPayload } from './post-payload.ts';
import { createSender, type Sender, type SenderLimits } from './sender.ts';

export interface FetchTransportOptions {
  readonly sink: FaroConfig;
  readonly session: string;
  readonly say: (line: string) => void;
  readonly count?: ((result: EventResult, items: number) => void) | undefined;
  readonly limits?: Partial<SenderLimits>;
}

/**
 * A transport for Faro outside a browser. It gathers by itself and is to be used with Faro's batching off: that one keeps the
 * process alive by an interval, and `pause()`, the only way to end it, throws away what it holds.
 */
export class FetchTransport extends BaseTransport {
  override readonly name = 'sagashift:transport-fetch';
  override readonly version = VERSION;

  readonly #url: string;
  readonly #sender: Sender<TransportItem>;

  constructor({ sink, session, say, count, limits = {} }: FetchTransportOptions) {
    super();
    this.#url = sink.url;
    this.#sender = createSender<TransportItem>({
      // The meta of a process does not change, so one body may hold all of them.
      post: (items, signal) => postPayload(sink, session, JSON.stringify(getTransportBody([...items])), signal),
      sink: `the Faro sink at ${new URL(sink.url).origin}`,
      say,
      count,
      limits,
    });
  }

  send(items: TransportItem | TransportItem[]): void {
    for (const item of Array.isArray(items) ? items : [items]) this.#sender.add(item);
  }

  override getIgnoreUrls(): string[] {
    return [this.#url];
  }

  flush(signal: AbortSignal): Promise<void> {
    return this.#sender.flush(signal);
  }

  stop(): Promise<void> {
    return this.#sender.stop();
  }
}
