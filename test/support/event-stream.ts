import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';

/** A stream of server-sent events, as a browser reads it. */
export interface EventStream {
  readonly response: IncomingMessage;
  /** The data of the next event that has any; rejects when the stream ends first. */
  next(): Promise<string>;
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<unknown>;
  close(): void;
}

export async function openEventStream(url: string): Promise<EventStream> {
  const request = get(url, { agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.setEncoding('utf8').on('error', () => undefined);
  const ended = new Promise((resolve) => response.once('close', resolve));
  const events = read(response);
  return {
    response,
    async next() {
      const { value } = await events.next();
      if (value === undefined) throw new Error('the stream has ended');
      return value;
    },
    ended,
    close: () => request.destroy(),
  };
}

async function* read(response: IncomingMessage): AsyncGenerator<string, undefined> {
  let text = '';
  for await (const chunk of response) {
    text += chunk as string;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = text.slice(0, end);
      text = text.slice(end + 2);
      if (event.startsWith('data: ')) yield event.slice(6);
    }
  }
  return undefined;
}
