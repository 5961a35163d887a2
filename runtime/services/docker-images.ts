/** The images that services in containers run, the same as in `docker-compose.yml`; a test compares the two. */
export const images = {
  postgres: { image: 'postgres:18.4', variable: 'POSTGRES_IMAGE' },
  redis: { image: 'redis:7.2.11', variable: 'REDIS_IMAGE' },
} as const;

/** POSTGRES_IMAGE or REDIS_IMAGE if given: another version, or a mirror. It has to take what the official image takes. */
export function imageOf(service: keyof typeof images, env: NodeJS.ProcessEnv): string {
  const { image, variable } = images[service];
  const given = env[variable];
  return given === undefined || given === '' ? image : given;
}
