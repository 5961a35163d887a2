import type { Tx } from '../domain/ports.ts';

/** What generated data says about itself, kept in the database beside it: the ground truth of B8. */
export interface Manifest {
  /** The generator's options. */
  readonly options: object;
  /** Rows by table. */
  readonly counts: Readonly<Record<string, number>>;
  /** Payable orders by how their payment must end. */
  readonly expected: Readonly<Record<string, number>>;
  /** Won that was there at the start; no other may appear as OPENING, and none as TOPUP among the loaded rows. */
  readonly sums: { readonly openingTotal: number; readonly topUps: number };
  /** sha256 over the copied rows, hex. */
  readonly checksum: string;
}

export async function readManifest(tx: Tx): Promise<Manifest | undefined> {
  const [row] = await tx.query<{ dataset: Manifest | null }>('select dataset from sagashift_database');
  return row?.dataset ?? undefined;
}
