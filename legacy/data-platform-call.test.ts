import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import { type Listening, listen, newApp } from '../runtime/http.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { tellDataPlatform } from './data-platform-call.ts';

describe('the call to the data platform', () => {
  let platform: Listening;
  let answer: 'accept' | 'fail' | 'hang';
  let got: unknown[];
  const payment = { paymentId: 4, orderId: 7, userId: 1, amount: 30 };

  beforeEach(async () => {
    answer = 'accept';
    got = [];
    const app = newApp();
    app.post('/base/v1/events/legacy', express.json(), (req, res) => {
      got.push(req.body);
      if (answer !== 'hang') res.status(answer === 'accept' ? 202 : 503).end('{}');
    });
    platform = await listen(app, '127.0.0.1', 0);
  });
  afterEach(() => platform.close());

  async function tell(baseUrl = `${platform.url}/base`, timeoutMs = 2_000): Promise<Record<string, number>> {
    const metrics = createMetrics();
    await tellDataPlatform(payment, { baseUrl, source: 'legacy', timeoutMs, metrics });
    const { values } = await metrics.deliveries.get();
    return Object.fromEntries(values.map(({ labels, value }) => [labels.status ?? '', value]));
  }

  test('carries one event whose key is the order', async () => {
    expect(await tell()).toEqual({ SENT: 1 });
    expect(await tell(`${platform.url}/base/`)).toEqual({ SENT: 1 });
    expect(got[0]).toEqual({ eventId: 'order-7', type: 'payment.completed', orderId: 7, data: payment });
  });

  test('a failure is swallowed and counted: refused, too slow, or nobody there', async () => {
    answer = 'fail';
    expect(await tell()).toEqual({ FAILED: 1 });
    answer = 'hang';
    expect(await tell(undefined, 30)).toEqual({ FAILED: 1 });
    expect(await tell('http://127.0.0.1:9')).toEqual({ FAILED: 1 });
  });
});
