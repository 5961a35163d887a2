// Exit 0 when the service in this container answers 2xx: `node healthcheck.mjs [/path]`, default /readyz.
const { SAGASHIFT_PORT: port = '8080' } = process.env;
const path = process.argv[2] ?? '/readyz';
const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2_500) }).catch(
  (error) => {
    console.error(`${path}: ${error.cause?.code ?? error.message}`);
    return { ok: false };
  },
);
process.exitCode = response.ok ? 0 : 1;
