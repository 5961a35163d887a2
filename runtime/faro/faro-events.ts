import { type Faro, initializeFaro, InternalLoggerLevel } from '@grafana/faro-core';
import type { FaroConfig } from '../faro-config.ts';
import type { BusinessEvents, EventsOptions } from '../telemetry.ts';
import { FetchTransport } from './fetch-transport.ts';

/** Of one attribute: a reason is a sentence, not a file. */
const longestAttribute = 500;
const domain = 'sagashift';

/** Business events by the Faro SDK, to any collector that speaks its protocol. */
export function openFaroEvents(sink: FaroConfig, { app, session, say, count }: EventsOptions): BusinessEvents {
  const transport = new FetchTransport({ sink, session, say, count });
  const { api } = openFaro(app, session, transport);
  return {
    push(name, attributes) {
      api.pushEvent(name, asTexts(attributes), domain);
    },
    flush: (signal) => transport.flush(signal),
    stop: () => transport.stop(),
  };
}

/** The SDK alone: no instrumentation, no global object, nothing but this transport. */
export const openFaro = (app: string, session: string, transport: FetchTransport): Faro =>
  initializeFaro({
    app: { name: app },
    metas: [{ session: { id: session } }],
    transports: [transport],
    batching: { enabled: false },
    instrumentations: [],
    dedupe: false, // two equal rounds are two rounds
    paused: false,
    isolate: true,
    preventGlobalExposure: true,
    globalObjectKey: 'faro',
    internalLoggerLevel: InternalLoggerLevel.OFF,
    parseStacktrace: () => ({ frames: [] }),
    unpatchedConsole: console,
  });

/** The protocol knows texts only. What is not known is left out. */
const asTexts = (attributes: Readonly<Record<string, string | number | boolean | null>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) =>
      value === null ? [] : [[name, String(value).slice(0, longestAttribute)]],
    ),
  );
