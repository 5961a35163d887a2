import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Post {
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly meta?: { readonly app?: { readonly name?: string }; readonly session?: { readonly id?: string } };
    readonly events?: readonly { readonly name: string; readonly domain?: string; readonly attributes?: object }[];
  };
}

export interface FaroSink {
  readonly url: string;
  readonly posts: Post[];
  names(): string[];
  stop(): Promise<void>;
}

/** A collector that answers as it is told; not at all when `answer` does nothing. */
export async function faroSink(answer = (res: ServerResponse): unknown => res.writeHead(202).end()): Promise<FaroSink> {
  const posts: Post[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      posts.push({ headers: req.headers, body: JSON.parse(Buffer.concat(chunks).toString()) as Post['body'] });
      answer(res);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/collect/secret-path`,
    posts,
    names: () => posts.flatMap(({ body }) => (body.events ?? []).map(({ name }) => name)),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
