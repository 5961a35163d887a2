import { describe, expect, test } from '@jest/globals';
import { labelsOf, removeContainersOf, sweepContainers } from './docker-containers.ts';
import type { DockerEngine } from './docker-engine.ts';
import { dockerPostgres } from './docker-postgres.ts';
import { dockerRedis } from './docker-redis.ts';
import { pidScope } from './processes.ts';

/** An engine's list of containers, and who was removed from it; `status` is its answer to a removal. */
function engineWith(
  containers: readonly { Id: string; Labels: Record<string, string>; Created?: number }[],
  status = 204,
) {
  const removed: string[] = [];
  const asked: unknown[] = [];
  const docker = {
    listContainers: (filter: unknown) => {
      asked.push(filter);
      return Promise.resolve(containers.map((one) => ({ Created: Date.now() / 1_000, ...one })));
    },
    getContainer: (id: string) => ({
      remove: () => {
        removed.push(id);
        return status === 204
          ? Promise.resolve()
          : Promise.reject(Object.assign(new Error('no'), { statusCode: status }));
      },
    }),
  };
  return { docker: docker as unknown as DockerEngine['docker'], removed, asked };
}

const owner = (scope: string) => ({
  'sagashift.owner': JSON.stringify({ scope, pid: 1, startedAt: 'an earlier life' }),
});
const twoDaysAgo = Date.now() / 1_000 - 2 * 86_400;

describe('containers of ours', () => {
  test('of the dead are swept, of the living not; of another machine after a day; what can’t be read never', async () => {
    const { docker, removed, asked } = engineWith([
      { Id: 'living', Labels: labelsOf('a') },
      { Id: 'dead', Labels: owner(pidScope()) },
      { Id: 'foreign', Labels: owner('elsewhere') },
      { Id: 'foreign and old', Labels: owner('elsewhere'), Created: twoDaysAgo },
      { Id: 'unreadable', Labels: { 'sagashift.owner': '{' }, Created: twoDaysAgo },
      { Id: 'without', Labels: {}, Created: twoDaysAgo },
    ]);
    expect(await sweepContainers(docker)).toBe(2);
    expect(removed).toEqual(['dead', 'foreign and old']);
    expect(asked).toEqual([{ all: true, filters: { label: ['sagashift.lease'] } }]);
  });

  test.each([404, 409])('being gone or going already (%i) is no fault', async (status) => {
    const { docker, removed } = engineWith([{ Id: 'x', Labels: {} }], status);
    await removeContainersOf(docker, 'lease-1');
    expect(removed).toEqual(['x']);
  });

  test('one that can’t be removed is', async () => {
    await expect(removeContainersOf(engineWith([{ Id: 'x', Labels: {} }], 500).docker, 'a')).rejects.toThrow('no');
  });

  test('of a lease are asked for by its name', async () => {
    const { docker, asked } = engineWith([]);
    await removeContainersOf(docker, 'lease-1');
    expect(asked).toEqual([{ all: true, filters: { label: ['sagashift.lease=lease-1'] } }]);
  });
});

describe('what runs in them', () => {
  const memory = 2 * 2 ** 30;

  test('has a new password each time, which no command line shows', () => {
    for (const make of [() => dockerPostgres({}, memory), () => dockerRedis({})]) {
      const [{ spec, urlAt }, other] = [make(), make()];
      const { password } = new URL(urlAt('127.0.0.1:1'));
      expect(password.length).toBeGreaterThan(20);
      expect(new URL(other.urlAt('127.0.0.1:1')).password).not.toBe(password);
      expect(spec.command.join(' ')).not.toContain(password);
      expect(JSON.stringify([spec.environment, spec.files])).toContain(password);
    }
  });

  test('is durable, and sized by the memory of the engine', () => {
    const { spec } = dockerPostgres({}, memory);
    expect(spec.command.join(' ')).toContain('-c shared_buffers=512MB -c wal_level=replica');
    expect(spec.command).toEqual(expect.arrayContaining(['fsync=on', 'synchronous_commit=on', 'full_page_writes=on']));
  });
});
