import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../runtime/metrics.ts';
import { isAlive, identify } from '../../runtime/services/processes.ts';
import { findPrometheus, startPrometheus } from '../../runtime/services/prometheus-server.ts';

/** `.ci/run` installs it. Elsewhere a machine may do without; CI may not. */
const available = findPrometheus() !== undefined;
const withPrometheus = available ? test : test.failing;

const { registry, commits } = createMetrics();
const target = createServer((_, response) => {
  void registry.metrics().then((text) => response.end(text));
});
let address = '';
beforeAll(async () => {
  commits.inc(7);
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  address = `127.0.0.1:${(target.address() as AddressInfo).port}`;
});
afterAll(async () => {
  target.closeAllConnections();
  target.close();
  await once(target, 'close');
});

async function valueOf(url: string, query: string): Promise<string | undefined> {
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return data.result[0]?.value[1];
}

describe('the Prometheus of a run', () => {
  test('is there where CI runs', () => {
    expect(available || process.env['CI'] !== 'true').toBe(true);
  });

  withPrometheus('scrapes what it is told to, and ends when it is told to', async () => {
    const prometheus = await startPrometheus({ targets: [{ job: 'router', address }], scrapeMs: 200 });
    let value: string | undefined;
    const until = performance.now() + 15_000;
    while (value === undefined && performance.now() < until)
      value = await valueOf(prometheus.url, 'payment_db_commits_total{job="router"}');
    expect(value).toBe('7');
    const running = identify(prometheus.pid);
    expect(running && isAlive(running)).toBe(true);
    await Promise.all([prometheus.stop(), prometheus.stop()]);
    expect(running && isAlive(running)).toBe(false);
    await expect(fetch(prometheus.url)).rejects.toThrow();
  });

  withPrometheus('that cannot have its port says so, and leaves the port to whom it belongs', async () => {
    const { port } = target.address() as AddressInfo;
    await expect(startPrometheus({ targets: [], port })).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringContaining('address already in use'),
    });
    expect(target.listening).toBe(true);
  });

  withPrometheus('does not start for somebody who has given up', async () => {
    await expect(startPrometheus({ targets: [] }, AbortSignal.abort(new Error('given up')))).rejects.toThrow(
      'given up',
    );
  });

  test('that is not installed is one message that says what helps', async () => {
    const env = { PATH: '/nowhere', PROMETHEUS_BIN: '' };
    await expect(startPrometheus({ targets: [], env })).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringContaining('apt-get install -y prometheus'),
    });
    expect(findPrometheus({ PROMETHEUS_BIN: '/bin/false' })).toBeUndefined();
  });
});
