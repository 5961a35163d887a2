import { beforeAll, describe, expect, test } from '@jest/globals';
import { beat } from '../../eventdriven/saga/rescue-sql.ts';
import { openSagasStage } from '../support/open-sagas.ts';

const on = openSagasStage();
const { run, clear, six } = on;

interface Found {
  readonly sagas: readonly { readonly sagaId: number }[];
  readonly more: number;
}
async function found(...argv: string[]): Promise<{ ids: number[]; more: number }> {
  const { code, out, err } = await run('list', ...argv, '--json');
  expect([code, err]).toEqual([0, '']);
  const { sagas: listed, more } = JSON.parse(out) as Found;
  return { ids: listed.map(({ sagaId }) => sagaId), more };
}

describe('list', () => {
  beforeAll(async () => {
    await clear();
    await six();
  });
  test.each<[string[], number[]]>([
    [[], [1, 2, 3, 6]],
    [
      ['--status', 'open'],
      [1, 2, 3],
    ],
    [
      ['--status', 'running'],
      [1, 2],
    ],
    [['--status', 'compensating'], [3]],
    [['--status', 'attention'], [3]],
    [['--status', 'failed'], [6]],
    [['--status', 'completed'], [4]],
    [['--status', 'compensated'], [5]],
    [['--older-than', '30m'], [2]],
    [['--step', 'accepted'], [1]],
    [
      ['--error', 'NO '],
      [2, 3],
    ],
    [['--error', '%'], []],
    [['--style', 'choreography'], []],
    [
      ['--version', '1', '--limit', '9'],
      [1, 2, 3, 6],
    ],
    [['--version', '2'], []],
  ])('%j finds %j', async (argv, ids) => {
    expect(await found(...argv)).toEqual({ ids, more: 0 });
  });

  test('shows a page, oldest first, and says how many more there are', async () => {
    expect(await found('--limit', '1')).toEqual({ ids: [1], more: 3 });
    expect(await found('--limit', '4')).toEqual({ ids: [1, 2, 3, 6], more: 0 });
    const { out } = await run('list', '--limit', '3');
    const [head, first, , third, last] = out.split('\n') as [string, string, string, string, string];
    expect(head).toMatch(/^SAGA +ORDER +STYLE +V +STATUS +STEP +AGE +FAULTS +NEXT TRY +IN HAND OF +ATTENTION +ERROR$/);
    expect(first).toMatch(/^ +1 +\d+ +orchestration +1 +RUNNING +accepted +\d\.\ds +0$/);
    expect(third).toMatch(
      / COMPENSATING +confirmStock +\S+ +1 +in \d+s +for \d\.\ds +no partition of relation "balance_ledger"$/,
    );
    expect(last).toBe('and 1 more: --limit shows more of them at once');
    await beat(on.db.pool, 'silent', 'orchestrator', [1, 2, 3]);
    await on.db.pool.query(`update worker_heartbeat set beat_at = now() - interval '3 seconds'`);
    await beat(on.db.pool, 'w1', 'orchestrator', [2, 6]);
    const held = JSON.parse((await run('list', '--json')).out) as { sagas: { inHandOf: string | null }[] };
    expect(held.sagas.map(({ inHandOf }) => inHandOf)).toEqual([null, 'w1', null, 'w1']);
    expect((await run('list')).out).toMatch(/^ +2 .* w1 +No space left/m);
    await on.db.pool.query('truncate saga_state');
    expect((await run('list')).out).toBe('no sagas\n');
  });

  test('finds open and given up sagas by the indexes of those alone', async () => {
    const plan = await on.db.pool.transaction(async (tx) => {
      await tx.query('set local enable_seqscan = off');
      return tx.query<{ 'QUERY PLAN': string }>(
        `explain select from saga_state where status in ('RUNNING', 'COMPENSATING') or status = 'FAILED'`,
      );
    });
    const text = plan.map((line) => line['QUERY PLAN']).join('\n');
    expect([text, text]).toEqual([
      expect.stringContaining('saga_state_open'),
      expect.stringContaining('saga_state_given_up'),
    ]);
  });
});
