import type { Demo } from './demo.ts';
import type { Stack } from './stack.ts';

/** What there is to look at and to play with. */
export function demoText(stack: Stack, { canary, prometheus }: Demo): string {
  const { router, orchestrator, dataPlatform, databaseUrl, redisUrl, how } = stack;
  const command = `DATABASE_URL=${databaseUrl} REDIS_URL=${redisUrl} npm run canary --`;
  const [platformPid, orchestratorPid, routerPid] = stack.pids;
  return `Sagashift is up, and people are buying: about 25 orders a second are placed and paid in the database below. Ctrl-C stops it all.

  status page    ${router}/console
  router         ${router} (pid ${routerPid})
  metrics        ${router}/metrics  ${orchestrator}/metrics  ${dataPlatform}/metrics
  data platform  ${dataPlatform}/v1/stats (pid ${platformPid}; refuses 2 % on purpose)
  prometheus     ${prometheus ?? 'none: install it (Debian: apt-get install -y prometheus) or set PROMETHEUS_BIN'}
  orchestrator   ${orchestrator} (pid ${orchestratorPid})
  postgres       ${databaseUrl} (${how.postgres})
  redis          ${redisUrl} (${how.redis})

${
  canary === undefined
    ? 'The rollout was set before: it stays as it is.'
    : `${canary} % of the users are on the saga side; the others, and every VIP, on the monolith.`
} Move them, from another terminal, and watch the page:

  ${command} set 50 --reason 'a bigger step'
  ${command} rollback --reason 'practice'
  ${command} clear --reason 'practice is over'

`;
}
