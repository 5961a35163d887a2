import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { openEventStream } from '../../test/support/event-stream.ts';
import { createViewers } from './viewers.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serving(limits: Parameters<typeof createViewers>[0]) {
  let left: () => void = () => undefined;
  const nobody = new Promise<void>((resolve) => (left = resolve));
  const viewers = createViewers(limits, () => {
    left();
  });
  server = createServer((_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    viewers.admit(res);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { viewers, port, nobody };
}

describe('the viewers of the stream', () => {
  test('all get the same, and who has left is forgotten', async () => {
    const { viewers, port, nobody } = await serving({ viewers: 2, skipped: 3 });
    const [one, two] = [
      await openEventStream(`http://127.0.0.1:${port}`),
      await openEventStream(`http://127.0.0.1:${port}`),
    ];
    expect([viewers.count(), viewers.full()]).toEqual([2, true]);
    viewers.send('data: hello\n\n');
    expect([await one.next(), await two.next()]).toEqual(['hello', 'hello']);
    one.close();
    two.close();
    await nobody;
    expect([viewers.count(), viewers.full()]).toEqual([0, false]);
  });

  test('one that does not read is skipped, not queued for, and cut off in the end', async () => {
    const { viewers, port, nobody } = await serving({ viewers: 2, skipped: 3 });
    const socket = connect(port, '127.0.0.1').pause();
    socket.on('error', () => undefined).write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(server as Server, 'request');
    // More than the kernel's buffers hold: what is left stays with us, and nothing is added to it.
    viewers.send(`data: ${'x'.repeat(32 * 1024 * 1024)}\n\n`);
    viewers.send('data: 2\n\n');
    viewers.send('data: 3\n\n');
    expect(viewers.count()).toBe(1);
    viewers.send('data: 4\n\n');
    await nobody;
    expect(viewers.count()).toBe(0);
    socket.destroy();
  });

  test('are all closed at once, those that do not read too', async () => {
    const { viewers, port, nobody } = await serving({ viewers: 2, skipped: 3 });
    const reading = await openEventStream(`http://127.0.0.1:${port}`);
    reading.response.resume();
    const deaf = connect(port, '127.0.0.1').pause();
    deaf.on('error', () => undefined).write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(server as Server, 'request');
    viewers.send(`data: ${'x'.repeat(32 * 1024 * 1024)}\n\n`);
    expect(viewers.count()).toBe(2);
    viewers.closeAll();
    await Promise.all([nobody, reading.ended]);
    expect(viewers.count()).toBe(0);
    deaf.destroy();
  });
});
