import {
  countLimit,
  type FoundSagas,
  type ListedSaga,
  openBooksText,
  type SagaStory,
  type Settled,
} from '../eventdriven/index.ts';
import { cell, durationText, table } from './terminal-table.ts';

export const listText = ({ sagas, more }: FoundSagas): string =>
  sagas.length === 0
    ? 'no sagas\n'
    : `${table(['SAGA', 'ORDER', 'STYLE', 'V', 'STATUS', 'STEP', 'AGE', 'FAULTS', 'NEXT TRY', 'IN HAND OF', 'ATTENTION', 'ERROR'], sagas.map(listLine))}${moreText(more)}`;

const listLine = (saga: ListedSaga): string[] => {
  const now = saga.createdAt.getTime() + saga.ageMs;
  return [
    ...[`${saga.sagaId}`, `${saga.orderId}`, saga.style, `${saga.version}`, saga.status, saga.step],
    ...[durationText(saga.ageMs), `${saga.attempts}`, nextTryText(saga.nextRunAt, now), saga.inHandOf ?? ''],
    saga.attentionAt === null ? '' : `for ${durationText(now - saga.attentionAt.getTime())}`,
    saga.error ?? '',
  ];
};

function nextTryText(at: Date | null, now: number): string {
  if (at === null) return '';
  return at.getTime() <= now ? 'due' : `in ${durationText(at.getTime() - now)}`;
}

export const moreText = (more: number): string =>
  more === 0
    ? ''
    : `and ${more >= countLimit ? `${countLimit} or more` : more} more: --limit shows more of them at once\n`;

export function storyText(story: SagaStory): string {
  const { saga, receipts, events, ledger, payment, books, actions, next } = story;
  const at = (time: Date): string => `${time.toISOString()}, ${durationText(saga.now.getTime() - time.getTime())} ago`;
  const facts = [
    ['saga', `${saga.sagaId}, ${saga.status} at ${saga.step}`],
    [
      'style',
      `${saga.style}, version ${saga.version}, epoch ${saga.epoch}, owner ${saga.owner ?? 'nobody'}, in hand of ${saga.inHandOf ?? 'nobody'}`,
    ],
    ['order', `${saga.orderId}, ${books?.orderStatus ?? 'gone'}${books === null ? '' : ` of user ${books.userId}`}`],
    ['payment', payment === null ? 'none' : `${payment.paymentId} of ${payment.amount} won`],
    ['accepted', at(saga.createdAt)],
    ['moved', at(saga.updatedAt)],
    ['deadline', saga.deadlineAt === null ? 'none' : saga.deadlineAt.toISOString()],
    ['faults in a row', `${saga.attempts}`],
    ['last error', saga.error ?? 'none'],
    ['attention', saga.attentionAt === null ? 'not asked for' : `asked for since ${at(saga.attentionAt)}`],
    ['refusal', saga.failureCode ?? 'none'],
    ['facts', jsonText(saga.facts)],
  ].map(([name = '', value = '']) => [name, cell(value, 1_000)]);
  return [
    facts.map(([name = '', value = '']) => `${name.padEnd(15)}  ${value}\n`).join(''),
    section('next', next.map((line) => `  ${line}\n`).join('')),
    section(
      'receipts',
      table(
        ['NO', 'BOUNDARY', 'OP', 'STATUS', 'AT', 'OUTPUT OR ERROR'],
        receipts.map(({ no, step, op, status, at: when, output, error }) => [
          ...[`${no}`, step, op, status, when.toISOString()],
          error ?? jsonText(output),
        ]),
      ),
    ),
    section(
      'events',
      table(
        ['NO', 'EVENT', 'AT', 'DATA'],
        events.map(({ no, type, at: when, data }) => [`${no}`, type, when.toISOString(), jsonText(data)]),
      ),
    ),
    section(
      'ledgers',
      table(
        ['LEDGER', 'OF', 'KIND', 'AMOUNT', 'AT'],
        ledger.map((line) => [line.ledger, `${line.of}`, line.kind, `${line.amount}`, line.at.toISOString()]),
      ),
    ),
    section(
      'what people did',
      table(
        ['AT', 'WHO', 'COMMAND', 'REASON', 'REFUSED'],
        actions.map(({ at: when, actor, command, reason, refused }) => [
          ...[when.toISOString(), actor, command, reason],
          refused ?? '',
        ]),
      ),
    ),
  ].join('');
}

const section = (title: string, text: string): string => `\n${title}\n${text === '' ? '  none\n' : text}`;
const jsonText = (value: object | null): string => (value === null ? '' : JSON.stringify(value));

export const settledText = (settled: Settled): string => `${sentence(settled)}\n`;

function sentence(settled: Settled): string {
  const saga = `saga ${settled.sagaId}`;
  switch (settled.outcome) {
    case 'refused':
      return `${saga}: refused (${settled.code}): ${settled.message}; nothing was changed`;
    case 'unknown':
    case 'failed':
      return `${saga}: ${settled.message}; nothing was changed`;
    case 'would':
      return [`${saga}: ${settled.before.status} at ${settled.before.step}, would be done`, ...openLines(settled)].join(
        '\n',
      );
    case 'done':
      return [`${saga}: ${settled.before.status} -> ${afterText(settled.after)}`, ...openLines(settled)].join('\n');
  }
}

const afterText = ({ status, attempts }: { status: string; attempts: number }): string =>
  status === 'FAILED'
    ? 'FAILED, given up'
    : `${status}, due now${attempts === 0 ? '' : `, faults in a row ${attempts}`}`;

const openLines = ({ leftOpen }: { leftOpen?: Parameters<typeof openBooksText>[0] }): string[] => {
  if (leftOpen === undefined) return [];
  const lines = openBooksText(leftOpen);
  return lines.length === 0 ? ['  nothing is left open'] : lines.map((line) => `  left open: ${line}`);
};
