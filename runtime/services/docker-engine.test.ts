import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type * as testcontainers from 'testcontainers';
import { openEngine } from './docker-engine.ts';

type Options = NonNullable<Parameters<typeof openEngine>[2]>;

let directory = '';
let server: Server | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'engine-'));
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  rmSync(directory, { recursive: true });
});

/** Something that listens where an engine would. */
async function engine(answer: RequestListener): Promise<NodeJS.ProcessEnv> {
  const socket = join(directory, 'docker.sock');
  server = createServer(answer).listen(socket);
  await once(server, 'listening');
  return { DOCKER_HOST: `unix://${socket}` };
}

const ok: RequestListener = (_, response) => response.end('OK');
const never = (): AbortSignal => new AbortController().signal;
const fault = (
  env: NodeJS.ProcessEnv,
  options: Options = {},
  signal = never(),
): Promise<Error & { exitCode?: number }> =>
  openEngine(env, signal, options).then(
    () => {
      throw new Error('there is no engine to open');
    },
    (error: unknown) => error as Error,
  );

/** Of the library, what is used before a container is. */
const libraryWith = (getContainerRuntimeClient: () => Promise<never>): Options => ({
  load: () => Promise.resolve({ getContainerRuntimeClient } as unknown as typeof testcontainers),
});

describe('a Docker engine that can’t be had', () => {
  test('nothing listens: exit code 4, what was tried, what helps', async () => {
    const socket = await fault({ DOCKER_HOST: `unix://${directory}/none.sock` });
    expect(socket).toMatchObject({ name: 'ServicesError', exitCode: 4 });
    expect(socket.message).toMatch(/none\.sock can't be used \(ENOENT\)\.\nStart one .*systemctl start docker/);
    expect(await fault({ DOCKER_HOST: 'tcp://127.0.0.1:1' })).toMatchObject({
      exitCode: 4,
      message: expect.stringMatching(/tcp:\/\/127\.0\.0\.1:1 can't be used \(ECONNREFUSED\)/),
    });
  });

  test.each(['nonsense', 'ssh://me@there'])('DOCKER_HOST=%s: exit code 2, what it takes', async (address) => {
    const error = await fault({ DOCKER_HOST: address });
    expect(error).toMatchObject({ exitCode: 2 });
    expect(error.message).toContain('unix:///path/to/docker.sock');
  });

  test('it hangs: given up', async () => {
    const error = await fault(await engine(() => undefined), { limitMs: 50 });
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toContain('no answer in 0.05 s');
  });

  test('it answers that it can’t', async () => {
    const error = await fault(await engine((_, response) => response.writeHead(503).end()));
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toContain('it answers 503');
  });

  test('it answers, and then does not work', async () => {
    const error = await fault(
      await engine(ok),
      libraryWith(() => Promise.reject(new Error('no strategy'))),
    );
    expect(error).toMatchObject({ exitCode: 4 });
    expect(error.message).toContain('no strategy');
  });

  test('the package is not installed: exit code 2, the command that helps', async () => {
    const error = await fault(await engine(ok), { load: () => Promise.reject(new Error('ERR_MODULE_NOT_FOUND')) });
    expect(error).toMatchObject({ exitCode: 2 });
    expect(error.message).toContain('npm ci');
  });

  test('an interrupted look is over at once', async () => {
    const interrupted = new AbortController();
    const env = await engine(() => {
      interrupted.abort(new Error('interrupted'));
    });
    expect(await fault(env, {}, interrupted.signal)).toMatchObject({ message: 'interrupted' });
  });
});
