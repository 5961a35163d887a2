import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express } from 'express';
import type { Metrics } from './metrics.ts';

export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Takes no new connection, lets requests in hand finish, and cuts off what is left after `closeLimitMs`. */
  close(): Promise<void>;
}

/** For a request to arrive; how long it may be worked on is for its handler to say. Kept-alive connections outlive a load generator's pause. */
const serverTimeouts = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
};

const closeLimitMs = 8_000;
const closeTickMs = 20;

export function newApp(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  return app;
}

/** `/metrics`, `/healthz` (the process lives) and `/readyz` (it can do its work now). */
export function serveOperations(
  app: Express,
  metrics: Metrics,
  ready: () => Promise<boolean> = () => Promise.resolve(true),
): void {
  app.get('/metrics', async (_req, res) => {
    res.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  app.get('/healthz', (_req, res) => {
    res.json({ status: 'ok' });
  });
  app.get('/readyz', async (_req, res) => {
    const ok = await ready().catch(() => false);
    res.status(ok ? 200 : 503).json({ status: ok ? 'ready' : 'not ready' });
  });
}

/** Port 0 takes a free one. Rejects with the errno (EADDRINUSE, ...) when it can't listen. */
export async function listen(app: RequestListener, host: string, port: number): Promise<Listening> {
  const server = createServer(serverTimeouts, app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = (server.address() as AddressInfo).port;
  let closed: Promise<void> | undefined;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    close: () => (closed ??= closeGracefully(server)),
  };
}

function closeGracefully(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // A kept-alive connection becomes idle only after its request: ask again until none is left.
    const sweep = setInterval(() => {
      server.closeIdleConnections();
    }, closeTickMs);
    const cutOff = setTimeout(() => {
      server.closeAllConnections();
    }, closeLimitMs);
    server.close(() => {
      clearInterval(sweep);
      clearTimeout(cutOff);
      resolve();
    });
    server.closeIdleConnections();
  });
}
