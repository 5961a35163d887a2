/**
 * Of every Postgres that is started here, embedded or in a container: figures of the two can be compared. Set on the command
 * line, where `pg_settings` shows them. Durability is Postgres' own: fsync and synchronous_commit stay on.
 */
export const postgresSettings = (memoryBytes: number): Readonly<Record<string, string>> => ({
  max_connections: '300',
  shared_buffers: `${Math.min(1_024, Math.floor(memoryBytes / 2 ** 20 / 4))}MB`,
  wal_level: 'replica',
  max_wal_size: '8GB',
  checkpoint_timeout: '15min',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  log_checkpoints: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
});

export const asFlags = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
