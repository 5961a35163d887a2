import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSagaEngine, startWorker } from '../../eventdriven/index.ts';
import { assertFaultAllowed } from '../../runtime/fault-points.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { type FreshDatabase, freshDatabase, freshRedis } from '../support/services.ts';

describe('SAGASHIFT_FAULT in a database', () => {
  let db: FreshDatabase;
  const fault = { point: 'reply-lost', nth: 1 } as const;
  beforeAll(async () => {
    db = await freshDatabase();
  });
  afterAll(() => db.drop());
  const purpose = (text: string) => db.pool.query('update sagashift_database set purpose = $1', [text]);

  test('that is not a throw-away one keeps router and worker from starting', async () => {
    await purpose('production');
    const ports = portsOn(db.url, freshRedis(), { fault });
    const refused = /fault reply-lost is refused: this database is not a throw-away one/;
    await expect(startWorker({ ...ports, roles: ['orchestrator'] })).rejects.toThrow(refused);
    await expect(createSagaEngine('orchestration', ports).start()).rejects.toThrow(refused);
    await expect(assertFaultAllowed({ ...ports.config, fault: undefined })).resolves.toBeUndefined();
  });

  test('of a bench or a test is taken', async () => {
    await purpose('bench');
    await expect(assertFaultAllowed(portsOn(db.url, freshRedis(), { fault }).config)).resolves.toBeUndefined();
  });
});
