import { Refused } from './request-body.ts';

/** One event as an outside system gets it. `eventId` is the idempotency key. */
export interface OutsideEvent {
  readonly eventId: string;
  readonly type: string;
  readonly orderId: number;
  readonly data: unknown;
}

const maxEventsPerBody = 100;

/** One event or an array of 1 to 100. Throws Refused (400) with what is wrong. */
export function parseEvents(body: string): readonly OutsideEvent[] {
  const parsed = parseJson(body);
  const events: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  if (events.length === 0 || events.length > maxEventsPerBody) {
    throw malformed(`send 1 to ${maxEventsPerBody} events at once, not ${events.length}`);
  }
  return events.map(assertEvent);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw malformed('the body is not JSON');
  }
}

function assertEvent(value: unknown, index: number): OutsideEvent {
  const { eventId, type, orderId, data } = (typeof value === 'object' && value !== null ? value : {}) as Readonly<
    Record<string, unknown>
  >;
  if (typeof eventId !== 'string' || eventId.length === 0 || eventId.length > 200) {
    throw malformed(`event ${index}: eventId must be a string of 1 to 200 characters`);
  }
  if (typeof type !== 'string' || type.length === 0) throw malformed(`event ${index}: type must be a string`);
  if (typeof orderId !== 'number' || !Number.isSafeInteger(orderId) || orderId < 1) {
    throw malformed(`event ${index}: orderId must be an integer from 1 to 2^53-1`);
  }
  return { eventId, type, orderId, data };
}

const malformed = (detail: string): Refused =>
  new Refused({ status: 400, code: 'BAD_REQUEST', title: 'Malformed request', detail });
