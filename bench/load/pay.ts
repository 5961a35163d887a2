import { type Agent, request } from 'node:http';
import { classify } from './answer.ts';
import { type Asked, type Operation, toOperation } from './operation.ts';

const clock = () => performance.now();

/** Asks once for the payment of one order. Never rejects: whatever happens to a request is its outcome. */
export function pay(
  url: string,
  asked: Asked,
  intendedAt: number,
  timeoutMs: number,
  agent: Agent,
): Promise<Operation> {
  const { orderId, userId, couponId } = asked;
  const body = JSON.stringify(couponId === null ? { userId } : { userId, couponId });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const startedAt = clock();
  return new Promise((resolve) => {
    const lose = (): void => {
      const lost = { outcome: 'unknown', code: 'CONNECTION_LOST', paymentId: null, engine: null } as const;
      resolve(toOperation(asked, startedAt, clock(), 0, lost, intendedAt));
    };
    const sent = request(`${url}/v1/orders/${orderId}/payments`, { method: 'POST', agent, headers });
    const timer = setTimeout(() => sent.destroy(), timeoutMs);
    sent.once('close', () => {
      clearTimeout(timer);
      lose(); // without effect when it has been answered
    });
    sent.on('error', lose);
    sent.once('response', (response) => {
      const status = response.statusCode ?? 0;
      let text = '';
      response.setEncoding('utf8').on('data', (more: string) => (text += more));
      response.on('error', lose);
      response.once('end', () => {
        resolve(toOperation(asked, startedAt, clock(), status, classify(status, text), intendedAt));
      });
    });
    sent.end(body);
  });
}
