/** Of a query that has one row whatever the tables hold. */
export function oneRow<Row>([row]: readonly Row[]): Row {
  if (row === undefined) throw new Error('a query that always has a row had none');
  return row;
}
