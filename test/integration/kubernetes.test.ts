import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { getNextMillis } from 'bullmq';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { runVerify } from '../../consistency/command.ts';
import { repository } from '../../runtime/repository.ts';
import { paidOrders } from '../support/paid-orders.ts';
import { freshDatabase } from '../support/services.ts';

const read = (name: string): string => readFileSync(join(repository, name), 'utf8');
const documents = (text: string): unknown[] => parseAllDocuments(text).map((document) => document.toJS() as unknown);
const text = read('deploy/kubernetes/verify-cronjob.yaml');

// What Kubernetes' API takes (batch/v1, v1), as far as it is used here; strict, as the API server is: an unknown field is an error.

const name = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/);
const labels = z.record(z.string().regex(/^([a-z0-9.-]+\/)?[\w.-]{1,63}$/), z.string().regex(/^[\w.-]{0,63}$/));
const cpu = z.string().regex(/^\d+m?$/);
const bytes = z.string().regex(/^\d+(Ki|Mi|Gi)$/);
const quantities = z.strictObject({ cpu, memory: bytes });
const positive = z.int().positive();

const failureRule = z.union([
  z.strictObject({
    action: z.enum(['FailJob', 'Ignore', 'Count', 'FailIndex']),
    onExitCodes: z.strictObject({
      containerName: name,
      operator: z.enum(['In', 'NotIn']),
      values: z.array(z.int().min(1).max(255)).min(1).max(255),
    }),
  }),
  z.strictObject({
    action: z.enum(['FailJob', 'Ignore', 'Count', 'FailIndex']),
    onPodConditions: z.array(z.strictObject({ type: z.string(), status: z.enum(['True', 'False', 'Unknown']) })),
  }),
]);

const container = z.strictObject({
  name,
  image: z.string(),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']),
  args: z.array(z.string()),
  env: z.array(
    z.strictObject({
      name: z.string().regex(/^[A-Z_]+$/),
      valueFrom: z.strictObject({ secretKeyRef: z.strictObject({ name, key: z.string().regex(/^[\w.-]+$/) }) }),
    }),
  ),
  resources: z.strictObject({ requests: quantities, limits: quantities }),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
  }),
  volumeMounts: z.array(z.strictObject({ name, mountPath: z.string().startsWith('/') })),
});

const pod = z
  .strictObject({
    restartPolicy: z.enum(['Never', 'OnFailure']), // of a Job; Always is refused
    terminationGracePeriodSeconds: positive,
    automountServiceAccountToken: z.literal(false),
    enableServiceLinks: z.boolean(),
    securityContext: z.strictObject({
      runAsNonRoot: z.literal(true),
      runAsUser: positive,
      runAsGroup: positive,
      fsGroup: positive,
      seccompProfile: z.strictObject({ type: z.literal('RuntimeDefault') }),
    }),
    containers: z.array(container).length(1),
    volumes: z.array(
      z.union([
        z.strictObject({ name, persistentVolumeClaim: z.strictObject({ claimName: name }) }),
        z.strictObject({ name, emptyDir: z.strictObject({ sizeLimit: bytes }) }),
      ]),
    ),
  })
  .refine(({ containers: [one], volumes }) => one?.volumeMounts.every((m) => volumes.some((v) => v.name === m.name)), {
    error: 'a mount has no volume',
  });

const cronJob = z.strictObject({
  apiVersion: z.literal('batch/v1'),
  kind: z.literal('CronJob'),
  metadata: z.strictObject({ name: name.max(52), labels }), // a Job's name has 11 characters more
  spec: z.strictObject({
    schedule: z.string().refine((pattern) => pattern.split(' ').length === 5 && comes(pattern)),
    timeZone: z.string().refine((zone) => comes('0 0 * * *', zone)),
    concurrencyPolicy: z.literal('Forbid'),
    startingDeadlineSeconds: z.int().min(10), // the controller looks every 10 s: below it would never start
    successfulJobsHistoryLimit: positive,
    failedJobsHistoryLimit: positive,
    jobTemplate: z.strictObject({
      spec: z
        .strictObject({
          backoffLimit: positive,
          activeDeadlineSeconds: positive,
          ttlSecondsAfterFinished: positive,
          podFailurePolicy: z.strictObject({ rules: z.array(failureRule).min(1).max(20) }),
          template: z.strictObject({ metadata: z.strictObject({ labels }), spec: pod }),
        })
        .refine(({ template }) => template.spec.restartPolicy === 'Never', { error: 'podFailurePolicy needs Never' }),
    }),
  }),
});
type CronJob = z.infer<typeof cronJob>;

function comes(pattern: string, tz = 'UTC'): boolean {
  try {
    return getNextMillis(Date.now(), { pattern, tz }) !== undefined;
  } catch {
    return false;
  }
}

const claim = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('PersistentVolumeClaim'),
  metadata: z.strictObject({ name, labels }),
  spec: z.strictObject({
    accessModes: z.array(z.enum(['ReadWriteOnce', 'ReadWriteOncePod', 'ReadWriteMany'])).min(1),
    resources: z.strictObject({ requests: z.strictObject({ storage: bytes }) }),
  }),
});

const [claimed, job] = documents(text);
const [one] = cronJob.parse(job).spec.jobTemplate.spec.template.spec.containers;

describe('the CronJob of the night', () => {
  test('is what Kubernetes takes: never two at once, not root, nothing writable but its volumes, limits on everything', () => {
    expect(documents(text)).toHaveLength(2);
    expect(claim.safeParse(claimed).error).toBeUndefined();
    expect(cronJob.safeParse(job).error).toBeUndefined();
    const volumes = (job as CronJob).spec.jobTemplate.spec.template.spec.volumes;
    expect(volumes).toContainEqual({
      name: 'reports',
      persistentVolumeClaim: { claimName: claim.parse(claimed).metadata.name },
    });
  });

  test.each([
    ['  concurrencyPolicy: Forbid', '  concurrencyPolicy: Allow'],
    ['  schedule: ', '  shedule: '],
    ["'30 3 * * *'", "'61 3 * * *'"],
    ['timeZone: Etc/UTC', 'timeZone: Mars/Olympus'],
    ['startingDeadlineSeconds: 3600', 'startingDeadlineSeconds: 5'],
    ['restartPolicy: Never', 'restartPolicy: OnFailure'],
    ['runAsNonRoot: true', 'runAsNonRoot: false'],
    ['runAsUser: 1000', 'runAsUser: 0'],
    ['readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false'],
    ['memory: 384Mi', 'memory: 384MB'],
    ['drop: [ALL]', 'drop: [NET_RAW]'],
    ['            - name: tmp\n              emptyDir', '            - name: temp\n              emptyDir'],
    ['valueFrom:', 'value: postgres://u:p@h/d # '],
  ])('would be refused with %j changed to %j', (from, to) => {
    expect(text).toContain(from);
    const changed = text.replace(from, to);
    expect(documentsOrNone(changed).some((document) => cronJob.safeParse(document).success)).toBe(false);
  });

  test('runs the image that is built here, as its user, and a command that is in it', () => {
    const compose = parse(read('docker-compose.yml'), { merge: true }) as {
      services: Record<string, { image: string }>;
    };
    expect(one?.image).toBe(compose.services['router']?.image);
    const dockerfile = read('deploy/Dockerfile');
    expect(dockerfile).toMatch(/^USER 1000:1000$/m);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["node"\]$/m);
    const [script = ''] = one?.args ?? [];
    const [, folder = '', rest = ''] = /^dist\/(\w+)\/(.*)\.js$/.exec(script) ?? [];
    const { include } = JSON.parse(read('tsconfig.build.json')) as { include: string[] };
    expect(include).toContain(folder);
    expect(existsSync(join(repository, folder, `${rest}.ts`))).toBe(true);
  });

  test('gives it words that it understands', async () => {
    const db = await freshDatabase();
    const reports = mkdtempSync(join(tmpdir(), 'kubernetes-'));
    await paidOrders(db.url, 60);
    let said = '';
    const code = await runVerify(one?.args.slice(1).map((word) => (word === '/reports' ? reports : word)) ?? [], {
      env: { DATABASE_URL: db.url },
      out: (words) => (said += words),
      err: (words) => (said += words),
    });
    expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('The books are in order') as unknown });
    expect(readdirSync(reports)).toHaveLength(1);
    rmSync(reports, { recursive: true });
    await db.drop();
  });
});

/** A change may leave no YAML at all. */
function documentsOrNone(changed: string): unknown[] {
  try {
    return documents(changed);
  } catch {
    return [];
  }
}
