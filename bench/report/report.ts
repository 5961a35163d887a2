import type { Result } from '../result.ts';
export const renderReport = (result: Result): string => JSON.stringify(result);
