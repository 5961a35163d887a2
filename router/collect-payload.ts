import { z } from 'zod';

const texts = z.record(z.string(), z.unknown()).nullish();
const text = z.string();
const many = <Item extends z.ZodType>(item: Item) => z.array(item).nullish();

/**
 * What a Faro SDK sends, as far as it is used here; more is let through. A list may be null, as collectors written in Go
 * write an empty one, and so may a value: that is how JSON writes NaN.
 */
export const collectBody = z
  .looseObject({
    meta: z
      .looseObject({
        app: z.looseObject({ name: text.nullish(), version: text.nullish() }).nullish(),
        session: z.looseObject({ id: text.nullish() }).nullish(),
        page: z.looseObject({ url: text.nullish() }).nullish(),
      })
      .nullish(),
    events: many(z.looseObject({ name: text, domain: text.nullish(), timestamp: text.nullish(), attributes: texts })),
    logs: many(z.looseObject({ message: text, level: text.nullish(), timestamp: text.nullish(), context: texts })),
    measurements: many(
      z.looseObject({
        type: text,
        values: z.record(z.string(), z.number().nullable()),
        timestamp: text.nullish(),
        context: texts,
      }),
    ),
    exceptions: many(
      z.looseObject({ type: text, value: text, timestamp: text.nullish(), stacktrace: texts, context: texts }),
    ),
    traces: z.looseObject({}).nullish().describe('Counted, not kept'),
  })
  .meta({ title: 'FaroPayload' });

export type CollectBody = z.infer<typeof collectBody>;

export const collectAnswer = z.object({ accepted: z.int().describe('Items taken') }).meta({ title: 'Collected' });

/** The closed set of kinds, with the list each comes from. */
export const collectKinds = {
  event: 'events',
  log: 'logs',
  measurement: 'measurements',
  exception: 'exceptions',
} as const;
export type CollectKind = keyof typeof collectKinds;

export interface Collected {
  readonly kind: CollectKind;
  readonly item: Readonly<Record<string, unknown>>;
}

export const itemsOf = (body: CollectBody): Collected[] =>
  (Object.entries(collectKinds) as [CollectKind, (typeof collectKinds)[CollectKind]][]).flatMap(([kind, list]) =>
    (body[list] ?? []).map((item) => ({ kind, item })),
  );
