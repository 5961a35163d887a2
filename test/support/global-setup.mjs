import { tsImport } from 'tsx/esm/api';

/** Jest loads this file natively, without its transforms; the rest is TypeScript. */
export default async function globalSetup() {
  const { startForTests } = await tsImport('./test-services.ts', import.meta.url);
  globalThis.stopTestServices = await startForTests();
}
