import { Int64, Table, vectorFromArray } from 'apache-arrow'
import type { KustoConnector, WriteOptions, WriteReceipt } from '../../src/index.ts'

/** Rows of one write, in three blobs. */
export const WRITTEN = 600
/** Rows that are in the table before. */
export const SEEDED = 5
export const SMALL: WriteOptions = { maxBlobBytes: 2_000, format: 'csv' }

export function threeBlobs(): readonly Table[] {
  return [0, 1, 2].map(
    (part) =>
      new Table({
        n: vectorFromArray(
          Array.from({ length: WRITTEN / 3 }, (_, row) => BigInt((part * WRITTEN) / 3 + row)),
          new Int64(),
        ),
      }),
  )
}

/** A table with the rows -1, -2, ... */
export async function seed(kusto: KustoConnector, table: string): Promise<void> {
  await kusto.command(`.set-or-append ['${table}'] <| range n from -${SEEDED} to -1 step 1`).rows()
}

/** `seeded/written`, where every row that was written must be there once. */
export async function state(kusto: KustoConnector, table: string): Promise<string> {
  const values = [...((await kusto.read(table).table()).getChild('n') ?? [])].map(Number)
  const written = values.filter((n) => n >= 0)
  if (new Set(written).size !== written.length) throw new Error(`rows are there twice: ${written.length}`)
  return `${values.length - written.length}/${written.length}`
}

export type Mode = 'transactional' | 'replace'
export const UNTOUCHED: string = `${SEEDED}/0`
export const COMPLETE: Readonly<Record<Mode, string>> = {
  transactional: `${SEEDED}/${WRITTEN}`,
  replace: `0/${WRITTEN}`,
}

/** Waits until the service has ended what runs in the background. */
export async function operationsSettled(kusto: KustoConnector): Promise<void> {
  for (;;) {
    const { rows } = await kusto.command('.show operations').rows()
    if (!rows.some((row) => row.text('State') === 'InProgress')) return
  }
}

/** The names of all staging tables, by the table they were made for. */
export async function stagingByTarget(kusto: KustoConnector): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>()
  for (const { name, target = '' } of await kusto.stagingTables())
    found.set(target, [...(found.get(target) ?? []), name])
  return found
}

export type Ended = { readonly receipt: WriteReceipt } | { readonly error: unknown }

export function ended(writing: Promise<WriteReceipt>): Promise<Ended> {
  return writing.then(
    (receipt) => ({ receipt }),
    (error: unknown) => ({ error }),
  )
}
