export { createLeanEngine } from './lean-engine.ts';
export { createLegacyEngine } from './legacy-engine.ts';
