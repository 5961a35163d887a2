import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { readConfig } from '../../runtime/config.ts';
import { repository } from '../../runtime/repository.ts';

interface Service {
  readonly image: string;
  readonly profiles: readonly string[];
  readonly user: string;
  readonly read_only: boolean;
  readonly restart: string;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
  readonly mem_limit: string;
  readonly cpus: number;
  readonly pids_limit: number;
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly build?: { readonly dockerfile: string };
}
type Services = Readonly<Record<string, Service>>;

const read = (name: string): string => readFileSync(join(repository, name), 'utf8');
const text = read('docker-compose.yml');
const file = parse(text, { merge: true }) as { readonly services: Services };
const services = file.services;
const named = Object.entries(services);

/** Each must hold for every service. A service that runs once and ends is not asked how it is. */
const rules: Readonly<Record<string, (service: Service, all: Services) => boolean>> = {
  'has its image pinned to a version': ({ image }) => /^[a-z][\w./-]*:v?\d+\.\d+(\.\d+)?(-[\w.-]+)?$/.test(image),
  'belongs to one profile': ({ profiles }) =>
    profiles.length === 1 && ['core', 'observability'].includes(profiles[0] ?? ''),
  'says how it is': ({ healthcheck, restart }) =>
    ['CMD', 'CMD-SHELL'].includes(healthcheck.test[0] ?? '') !== (restart === 'no'),
  'has limits': ({ mem_limit, cpus, pids_limit }) => /^\d+[mg]$/.test(mem_limit) && cpus > 0 && pids_limit > 0,
  'does not run as root': ({ user }) => /^(?!0|root)\w+(:\w+)?$/.test(user),
  'can do nothing that root can': ({ cap_drop, security_opt }) =>
    cap_drop.includes('ALL') && security_opt.includes('no-new-privileges:true'),
  'cannot change its image': ({ read_only }) => read_only,
  'is published to this machine only': ({ ports = [] }) => ports.every((port) => port.startsWith('127.0.0.1:')),
  'waits only for what its profile starts, and until it works': ({ depends_on = {}, profiles }, all) =>
    Object.entries(depends_on).every(
      ([name, { condition }]) =>
        all[name]?.profiles[0] === profiles[0] &&
        condition === (all[name]?.restart === 'no' ? 'service_completed_successfully' : 'service_healthy'),
    ),
};

describe.each(Object.entries(rules))('every service %s', (_, holds) => {
  test.each(named)('%s', (_name, service) => {
    expect(holds(service, services)).toBe(true);
  });
});

describe('what the rules are there to catch', () => {
  test.each<[string, string, Partial<Service>]>([
    ['has its image pinned to a version', 'redis', { image: 'redis:latest' }],
    ['has its image pinned to a version', 'redis', { image: 'redis' }],
    ['belongs to one profile', 'redis', { profiles: [] }],
    ['says how it is', 'router', { healthcheck: { test: ['NONE'] } }],
    ['has limits', 'router', { pids_limit: 0 }],
    ['does not run as root', 'router', { user: '0:0' }],
    ['does not run as root', 'router', { user: 'root' }],
    ['can do nothing that root can', 'router', { cap_drop: ['NET_RAW'] }],
    ['cannot change its image', 'grafana', { read_only: false }],
    ['is published to this machine only', 'router', { ports: ['8080:8080'] }],
    [
      'waits only for what its profile starts, and until it works',
      'router',
      { depends_on: { grafana: { condition: 'service_healthy' } } },
    ],
    [
      'waits only for what its profile starts, and until it works',
      'router',
      { depends_on: { migrate: { condition: 'service_started' } } },
    ],
  ])('%s: %s with %j', (rule, name, broken) => {
    expect(rules[rule]?.({ ...services[name], ...broken } as Service, services)).toBe(false);
  });
});

const variables = [...text.matchAll(/(?<!\$)\$\{([A-Z_]+)(?::([-?])([^}]*))?\}/g)].map(
  ([, name = '', kind = '', rest = '']) => ({ name, kind, rest }),
);
const example = new Map(
  read('.env.example')
    .split('\n')
    .filter((line) => /^[A-Z]/.test(line))
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
);
/** Read by compose itself. */
const ofCompose = ['COMPOSE_PROFILES', 'COMPOSE_PROJECT_NAME'];

describe('the environment', () => {
  test('.env.example has every variable that is used, and no other', () => {
    expect(variables.length).toBeGreaterThan(10);
    expect([...example.keys()].sort()).toEqual(
      [...new Set([...ofCompose, ...variables.map(({ name }) => name)])].sort(),
    );
  });

  test('.env.example shows the defaults, and leaves empty what has none', () => {
    for (const { name, kind, rest } of variables)
      expect([name, example.get(name)]).toEqual([name, kind === '-' ? rest : '']);
    expect(variables.filter(({ kind }) => kind !== '-').every(({ name }) => name === 'POSTGRES_PASSWORD')).toBe(true);
  });

  test('a service of ours takes all of it, as it is by default and with a password', () => {
    const ours = named.filter(([, { build, environment }]) => build !== undefined && environment?.['DATABASE_URL']);
    expect(ours.map(([name]) => name)).toEqual(['migrate', 'router', 'worker']);
    for (const [, { environment = {} }] of ours) {
      const given = Object.entries(environment).map(([name, value]) => [name, filledIn(String(value))] as const);
      expect(readConfig(Object.fromEntries(given))).toMatchObject({
        databaseUrl: 'postgres://sagashift:s3cret@postgres:5432/sagashift',
        redisUrl: 'redis://redis:6379',
        host: '0.0.0.0',
        sagaEngine: 'orchestration',
        eventDrivenEnabled: undefined,
      });
      // What readConfig does not know by its prefix it would not miss.
      for (const [name] of given) expect(read('runtime/config.ts')).toMatch(new RegExp(`^  ${name}: `, 'm'));
    }
  });
});

const filledIn = (value: string): string =>
  value.replaceAll(
    /\$\{([A-Z_]+)[^}]*\}/g,
    (_, name: string) => example.get(name) || (name === 'POSTGRES_PASSWORD' ? 's3cret' : ''),
  );

describe('the image', () => {
  const lines = read('deploy/Dockerfile').split('\n');
  const last = (word: string): string | undefined => lines.findLast((line) => line.startsWith(`${word} `));

  test('is built on a pinned one', () => {
    expect(lines.find((line) => line.startsWith('ARG NODE_IMAGE='))).toMatch(/=node:\d+\.\d+\.\d+-[a-z-]+$/);
    expect(lines.filter((line) => line.startsWith('FROM ')).map((line) => line.split(' ')[1])).toEqual([
      '${NODE_IMAGE}',
      '${NODE_IMAGE}',
      '${NODE_IMAGE}',
    ]);
  });

  test('runs as a user by number, without a shell around it, and says how it is', () => {
    expect(last('USER')).toMatch(/^USER [1-9]\d*:[1-9]\d*$/);
    expect(last('ENTRYPOINT')).toBe('ENTRYPOINT ["node"]');
    expect(last('CMD')).toMatch(/^CMD \["dist\//);
    expect(last('HEALTHCHECK')).toContain('CMD ["node", "healthcheck.mjs"]');
  });

  test('is that of every service that is built, and starts a command that is there', () => {
    const built = named.filter(([, { build }]) => build !== undefined);
    expect(new Set(built.map(([, { image }]) => image)).size).toBe(1);
    for (const [, { command }] of built as unknown as [string, { command: string | string[] }][]) {
      const source = String(typeof command === 'string' ? command.split(' ')[0] : command[0])
        .replace(/^dist\//, '')
        .replace(/\.js$/, '.ts');
      expect(read(source)).not.toBe('');
    }
  });
});
