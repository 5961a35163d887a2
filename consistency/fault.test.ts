import { expect, test } from '@jest/globals';
import { ConnectionLost } from '../runtime/database.ts';
import { NotOursError } from '../runtime/databases.ts';
import { faultOf } from './fault.ts';
import { UnfitError } from './unfit.ts';

const said = (code: string, message = 'as the server says'): Error => Object.assign(new Error(message), { code });

test.each([
  [4, /shutting down, or somebody ended our session.*\(as the server says\)/, said('57P01')],
  [4, /crashed/, said('57P02')],
  [4, /starting up or shutting down: run it again/, said('57P03')],
  [4, /cancelled our statement/, said('57014')],
  [4, /max_connections/, said('53300')],
  [4, /hot_standby_feedback/, said('40001')],
  [2, /grant pg_read_all_data/, said('42501')],
  [4, /^as the server says$/, said('XX000')],
  [4, /lost it: ECONNREFUSED: see that the server is up/, new ConnectionLost('lost it', said('ECONNREFUSED', ''))],
  [3, /not ours: give one that `npm start`/, new NotOursError('not ours')],
  [2, /^give another user$/, new UnfitError(2, 'give another user')],
  [4, /^interrupted$/, new Error('interrupted')],
  [4, /^out of the blue$/, 'out of the blue'],
])('ends with %d and says %s', (exitCode, message, error) => {
  expect(faultOf(error)).toEqual({ exitCode, message: expect.stringMatching(message) });
});
