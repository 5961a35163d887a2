import { expect, test } from '@jest/globals';
import { refusalCodes, unchangedCodes } from '../domain/errors.ts';
import { openApiDocument } from './openapi.ts';
import { problems } from './problems.ts';

interface Document {
  readonly paths: Record<
    string,
    Record<string, { responses: Record<string, { description: string }>; requestBody?: object }>
  >;
}
const document = openApiDocument() as Document;

test('describes every operation with its body, its answers and its problems', () => {
  expect(
    Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((m) => `${m} ${path}`)),
  ).toEqual([
    'post /v1/orders/{orderId}/payments',
    'get /v1/orders/{orderId}/payment',
    'get /v1/orders/{orderId}',
    'post /v1/orders',
    'post /v1/users/{userId}/top-ups',
    'get /v1/users/{userId}/payments',
    'get /v1/sagas/{sagaId}',
    'post /collect',
  ]);
  const pay = document.paths['/v1/orders/{orderId}/payments']?.['post'];
  expect(Object.keys(pay?.responses ?? {}).sort()).toEqual([
    '201',
    '202',
    '400',
    '404',
    '409',
    '413',
    '415',
    '422',
    '429',
    '503',
  ]);
  expect(JSON.stringify(pay?.requestBody)).toContain('"additionalProperties":false');
});

test('a payment may end in every refusal of the domain', () => {
  const texts = Object.values(document.paths['/v1/orders/{orderId}/payments']?.['post']?.responses ?? {});
  const listed = texts.map(({ description }) => description).join(', ');
  for (const code of [...refusalCodes, ...unchangedCodes]) expect(listed).toContain(code);
});

test('only what may be sent again says when', () => {
  for (const { status, ...row } of Object.values(problems)) {
    if ([429, 503].includes(status)) expect(row).toHaveProperty('retryAfter');
    if ([400, 404, 413, 415, 422].includes(status)) expect(row).not.toHaveProperty('retryAfter');
  }
});

test('is JSON without anything undefined, and every reference leads somewhere', () => {
  const text = JSON.stringify(document);
  expect(JSON.parse(text)).toEqual(document);
  const references = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref));
  expect(references).toEqual(new Set(['#/components/schemas/Problem']));
});
