/** Keeps nothing on disk and evicts nothing: losing all of it must be harmless, losing some of it unnoticed must not happen. */
export const redisSettings = (password: string): readonly string[] => [
  ...[`requirepass ${password}`, 'daemonize no'],
  ...['save ""', 'appendonly no', 'maxmemory-policy noeviction', 'maxclients 4000'],
];
