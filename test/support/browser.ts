import { existsSync } from 'node:fs';
import { test } from '@jest/globals';
import { type Browser, chromium } from 'playwright-core';

/** `.ci/run` installs it. Elsewhere a machine may do without; CI may not, and bench-report.test.ts demands it there. */
const executablePath = '/usr/bin/chromium';
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

export const hasBrowser = existsSync(executablePath);

/** Undefined where there is none. */
export const launchBrowser = async (): Promise<Browser | undefined> =>
  hasBrowser ? chromium.launch({ executablePath, args }) : undefined;

/** A test that needs one: where there is none it must fail, so that it cannot pass unseen. */
export const inBrowser = hasBrowser ? test : test.failing;
