import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { imageOf, images } from './docker-images.ts';

describe('images of services in containers', () => {
  test('are those of docker-compose.yml, with a version', () => {
    const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
      services: Record<string, { image: string }>;
    };
    for (const name of ['postgres', 'redis'] as const) {
      expect(images[name].image).toBe(compose.services[name]?.image);
      expect(images[name].image).toMatch(/:\d+\.\d+/);
    }
  });

  test('can be others; an empty variable is not set', () => {
    expect(imageOf('postgres', { POSTGRES_IMAGE: 'mirror/postgres:17' })).toBe('mirror/postgres:17');
    expect(imageOf('redis', { REDIS_IMAGE: '', POSTGRES_IMAGE: 'x' })).toBe(images.redis.image);
  });
});
