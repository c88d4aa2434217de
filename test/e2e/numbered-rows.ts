import { tableFromArrays } from 'apache-arrow'
import type { Table } from 'apache-arrow'
import type { KustoConnector } from '../../src/index.ts'

/** The column `n` with so many numbers from `start` on. */
export const numbers = (start: number, rows: number): Table =>
  tableFromArrays({ n: Int32Array.from({ length: rows }, (_, i) => start + i) })

/** 0, 1, 2 and so on. */
export const range = (rows: number): readonly number[] => Array.from({ length: rows }, (_, i) => i)

/** The column `n` of a table, sorted: what came twice is there twice. */
export async function storedNumbers(kusto: KustoConnector, table: string): Promise<readonly number[]> {
  const result = await kusto.read(table, { mode: 'single' }).table()
  return Array.from(result.getChild('n') ?? [], Number).sort((a, b) => a - b)
}
