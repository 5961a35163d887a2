import { type DeliveryRoute, type RoutingPreset, routingPresets } from '../../domain/delivery-events.ts';
import type { Tx } from '../../domain/ports.ts';

/**
 * Makes the routes those of the preset, in one statement: what is missing is added, what is not in it is taken away. Payments that begin after it
 * follow it, no process is restarted. What was written for a target that has no route any more is still delivered to it.
 */
export async function installRoutes(tx: Tx, preset: RoutingPreset): Promise<readonly DeliveryRoute[]> {
  const routes: readonly DeliveryRoute[] = routingPresets[preset];
  await tx.query(
    `with wanted as (select * from unnest($1::text[], $2::text[]) w (event_type, target_system)),
     gone as (delete from delivery_route r where not exists (
       select from wanted w where w.event_type = r.event_type and w.target_system = r.target_system))
     insert into delivery_route (event_type, target_system) select event_type, target_system from wanted on conflict do nothing`,
    [routes.map((route) => route.topic), routes.map((route) => route.target)],
  );
  return routes;
}
