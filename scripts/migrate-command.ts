import { type Command, CommanderError, Option } from 'commander';
import { loadDataset } from '../bench/dataset/load.ts';
import { exitCodes } from '../runtime/command-failure.ts';
import { ConnectionLost, openConnection } from '../runtime/database.ts';
import { NotOursError } from '../runtime/databases.ts';
import { migrate, MigrationError } from '../runtime/migrate.ts';
import { type CommandIo, commandOn, exitCodeOfParsing } from '../runtime/operator-command.ts';

interface Flags {
  readonly databaseUrl?: string;
  readonly data: 'none' | 'demo';
  readonly yes?: boolean;
}

const demo = { users: 1_000, products: 100, orders: 5_000 };

/** Resolves with the exit code: 0 up to date, 1 failed, 2 usage or a database of somebody else, 3 newer than these sources, 4 unreachable. */
export async function runMigrate(argv: readonly string[], io: CommandIo): Promise<number> {
  const program = migrateCommand(io);
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOfParsing(error);
    throw error;
  }
  const flags = program.opts<Flags>();
  const url = flags.databaseUrl ?? io.env['DATABASE_URL'] ?? '';
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    io.err('which database? Give --database-url or set DATABASE_URL, like postgres://user@host:5432/name\n');
    return exitCodes.usage;
  }
  try {
    const { applied } = await migrate(url, { yes: flags.yes === true });
    io.out(applied.length === 0 ? 'the schema is up to date\n' : `applied ${applied.length} migrations\n`);
    if (flags.data === 'demo') io.out(`${await addDemoData(url)}\n`);
    return exitCodes.ok;
  } catch (error) {
    io.err(`${error instanceof Error ? explain(error) : String(error)}\n`);
    return exitCodeOf(error);
  }
}

const migrateCommand = (io: CommandIo): Command =>
  commandOn('migrate', io)
    .description(
      'Brings a database to the schema of this version; safe to run twice at once, changes nothing when it is',
    )
    .option('--database-url <url>', 'postgres://user@host:port/name (default: DATABASE_URL)')
    .addOption(
      new Option('--data <what>', `demo: ${demo.users} users and ${demo.orders} orders to pay, if there is no user yet`)
        .choices(['none', 'demo'])
        .default('none'),
    )
    .option('--yes', 'add our tables to a database that holds tables of somebody else')
    .allowExcessArguments(false);

/** Only where there is no data at all: loading replaces what is there. */
async function addDemoData(url: string): Promise<string> {
  const connection = await openConnection({ url, applicationName: 'sagashift-migrate' });
  try {
    const [used] = await connection.query('select from users limit 1');
    if (used !== undefined) return 'there are users already: no demo data added';
  } finally {
    await connection.close();
  }
  await loadDataset(url, demo);
  return `added demo data: ${demo.users} users, ${demo.products} products, ${demo.orders} orders`;
}

const explain = (error: Error): string =>
  error instanceof ConnectionLost ? `can't reach the database: ${error.code}` : error.message;

function exitCodeOf(error: unknown): number {
  if (error instanceof NotOursError) return exitCodes.usage;
  if (error instanceof MigrationError && error.cause === undefined) return exitCodes.conflict;
  return error instanceof ConnectionLost ? exitCodes.unreachable : exitCodes.failed;
}
