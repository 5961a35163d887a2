// Stands where Grafana would: so that a machine without an image registry can try the compose file. It reads the dashboards
// that Grafana would be given, and is healthy when there are some and each of them is JSON.
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const folder = '/var/lib/grafana/dashboards';

function health() {
  try {
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
    const dashboards = files.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')).title);
    return { standIn: true, version: 'none: this is not Grafana', dashboards };
  } catch (error) {
    return { standIn: true, dashboards: [], error: error.message };
  }
}

const server = createServer((request, response) => {
  if (request.url !== '/api/health') {
    response.writeHead(501, { 'content-type': 'text/plain' });
    response.end('This is a stand-in, not Grafana: it only answers /api/health.\n');
    return;
  }
  const state = health();
  response.writeHead(state.dashboards.length > 0 ? 200 : 503, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(state)}\n`);
});
server.listen(Number(process.env.GF_SERVER_HTTP_PORT ?? 3000));
process.once('SIGTERM', () => server.close());
