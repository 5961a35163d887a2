import type { ChainedEntry } from './audit.ts';
import type { Explanation } from './explain-user.ts';
import { type RolloutStatus, type RouterStatus, silentAfterMs } from './rollout-status.ts';

/** For people; programs ask for --json. */
export function statusText(status: RolloutStatus): string {
  const { version, percentage, emergency, enabled, allow, deny, lastHour, routers } = status;
  return lines([
    `percentage  ${percentage} %${enabled ? '' : ' (disabled)'}`,
    `emergency   ${emergency ? 'ON: everything goes to the monolith' : 'off'}`,
    `version     ${version}, by ${status.changedBy} at ${status.changedAt}: ${status.reason}`,
    ...(allow.length > 0 ? [`allow       ${allow.join(', ')}`] : []),
    ...(deny.length > 0 ? [`deny        ${deny.join(', ')}`] : []),
    `last hour   ${lastHour.legacy} payments on legacy, ${lastHour.saga} on the saga`,
    ...(routers.length > 0 ? ['routers'] : ['routers     none has been heard of']),
    ...routers.map((router) => `  ${router.routerId}  version ${router.appliedVersion}${routerNote(router, version)}`),
  ]);
}

function routerNote({ appliedVersion, ageMs }: RouterStatus, version: number): string {
  const age = `, ${(ageMs / 1_000).toFixed(1)} s ago`;
  if (ageMs > silentAfterMs) return `${age}: silent`;
  return appliedVersion === version ? age : `${age}: behind`;
}

export function explanationText({ userId, orderId, tier, route, trace }: Explanation): string {
  const subject = `user ${userId} (${tier}, bucket ${route.bucket})${orderId === undefined ? '' : `, order ${orderId}`}`;
  return lines([
    `${subject} -> ${route.side}, by rule '${route.reason}' of version ${route.version}`,
    ...trace.map(
      ({ rule, verdict, side }) => `  ${rule.padEnd(12)}  ${verdict}${side === undefined ? '' : ` -> ${side}`}`,
    ),
  ]);
}

export const historyText = (entries: readonly ChainedEntry[]): string =>
  entries.length === 0
    ? 'nothing has been changed yet\n'
    : lines(
        entries.map(
          ({ at, actor, action, reason, toVersion, diff }) =>
            `${at}  version ${toVersion}  ${actor}  ${action}  ${differencesText(diff)}  "${reason}"`,
        ),
      );

export const differencesText = (diff: ChainedEntry['diff']): string =>
  Object.entries(diff)
    .map(([field, { from, to }]) => `${field} ${JSON.stringify(from)} -> ${JSON.stringify(to)}`)
    .join(', ');

const lines = (rows: readonly string[]): string => rows.map((row) => `${row}\n`).join('');
