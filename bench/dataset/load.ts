import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { Manifest } from '../../consistency/manifest.ts';
import { assertOurs } from '../../runtime/databases.ts';
import { type DatasetOptions, datasetOptions } from './options.ts';
import { createWorld, type World } from './plan.ts';
import { type Facts, gatherFacts, openingOf, topUpOf } from './facts.ts';
import { type Row, type TableRows, tables } from './rows.ts';

export interface LoadProgress {
  readonly table: string;
  readonly rows: number;
}

export interface LoadControl {
  readonly signal?: AbortSignal;
  onProgress?(progress: LoadProgress): void;
}

/**
 * Replaces everything payments and orders left in a database of ours by generated data, in one transaction: either all
 * of it is there or what was there before. Throws NotOursError on any other database, RangeError on bad options.
 * 100,000 orders take a few seconds.
 */
export async function loadDataset(
  url: string,
  given: Partial<DatasetOptions> = {},
  control: LoadControl = {},
): Promise<Manifest> {
  const options = datasetOptions(given);
  await assertOurs(url);
  const client = new pg.Client({ connectionString: url, application_name: 'sagashift-dataset' });
  client.on('error', () => undefined); // A lost connection also fails the statement in hand.
  await client.connect();
  try {
    return await load(client, options, control);
  } finally {
    await client.end();
  }
}

const emptied = [
  ...tables.map(({ table }) => table),
  'payment_route',
  'saga_state',
  'saga_step_execution',
  'event_store',
  'external_event_log',
  'user_payment',
  'projection_position',
  'balance_snapshot',
  'balance_correction',
];
const withGivenIds = ['users', 'products', 'coupons', 'user_coupons', 'orders'];

async function load(
  client: pg.Client,
  options: DatasetOptions,
  { signal, onProgress }: LoadControl,
): Promise<Manifest> {
  const world = createWorld(options);
  const facts = gatherFacts(world);
  const checksum = createHash('sha256');
  const counts: Record<string, number> = {};
  await client.query('begin');
  try {
    await client.query(`truncate ${emptied.join(', ')} restart identity`);
    for (const table of tables) {
      counts[table.table] = await copy(client, table, world, facts, checksum, signal);
      onProgress?.({ table: table.table, rows: counts[table.table] as number });
    }
    for (const table of withGivenIds) {
      await client.query(
        `select setval(pg_get_serial_sequence('${table}', 'id'), coalesce(max(id), 0) + 1, false) from ${table}`,
      );
    }
    const manifest: Manifest = {
      options,
      counts,
      expected: facts.expected,
      sums: sumsOf(world),
      checksum: checksum.digest('hex'),
    };
    await client.query('update sagashift_database set dataset = $1', [JSON.stringify(manifest)]);
    signal?.throwIfAborted();
    await client.query('commit');
    await client.query(`analyze ${tables.map(({ table }) => table).join(', ')}`);
    return manifest;
  } catch (error) {
    await client.query('rollback').catch(() => undefined); // The server rolls back what a lost connection left.
    throw error;
  }
}

/** FREEZE, because the tables were emptied in this transaction: the first reader need not write hint bits into every page. */
async function copy(
  client: pg.Client,
  table: TableRows,
  world: World,
  facts: Facts,
  checksum: Hash,
  signal: AbortSignal | undefined,
): Promise<number> {
  const statement = `copy ${table.table} (${table.columns.join(', ')}) from stdin with (freeze)`;
  checksum.update(`${statement}\n`);
  let count = 0;
  function* chunks(): Generator<string> {
    let chunk = '';
    for (const row of table.rows(world, facts)) {
      chunk += line(row);
      count += 1;
      if (chunk.length < chunkChars) continue;
      checksum.update(chunk);
      yield chunk;
      chunk = '';
    }
    checksum.update(chunk);
    if (chunk !== '') yield chunk;
  }
  await pipeline(Readable.from(chunks()), client.query(copyFrom(statement)), signal === undefined ? {} : { signal });
  return count;
}

const chunkChars = 64 * 1024;

/** No value of ours holds a tab, a newline or a backslash. */
const line = (row: Row): string => `${row.map((value) => value ?? '\\N').join('\t')}\n`;

function sumsOf(world: World): Manifest['sums'] {
  let [openingTotal, topUps] = [0, 0];
  for (let user = 1; user <= world.options.users; user++) {
    openingTotal += openingOf(world, user);
    topUps += topUpOf(world, user);
  }
  return { openingTotal, topUps };
}
