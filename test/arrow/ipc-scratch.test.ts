import { Int32, RecordBatch, Schema, Table, tableToIPC, vectorFromArray } from 'apache-arrow'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IpcScratch } from '../../src/arrow/ipc-scratch.ts'
import { COLUMN_CASES, drawnBatches } from './any-columns.ts'

/** The bytes as text, or the error: the library refuses two dictionaries of one number. */
function fated(write: () => Uint8Array): string {
  try {
    return Buffer.from(write()).toString('hex')
  } catch (error) {
    return String(error)
  }
}

describe('IpcScratch', () => {
  it('writes what tableToIPC writes, table after table in the same memory, every Arrow type', () => {
    const scratch = new IpcScratch(16)
    fc.assert(
      fc.property(drawnBatches(COLUMN_CASES), fc.nat(5), ({ batch }, start) => {
        const table = new Table([batch, batch.slice(Math.min(start, batch.numRows))])
        const expected = fated(() => tableToIPC(table, 'stream'))
        expect(fated(() => scratch.write(table))).toEqual(expected)
      }),
      { numRuns: 200 },
    )
  })

  it('writes the columns of a table without rows', () => {
    const table = new Table([new RecordBatch(new Schema([]), undefined)])
    expect(Buffer.from(new IpcScratch(0).write(table)).equals(tableToIPC(table, 'stream'))).toBe(true)
  })

  it('keeps its memory where a table fits', () => {
    const scratch = new IpcScratch(100_000)
    const table = new Table({ n: vectorFromArray([1, 2, 3], new Int32()) })
    expect(scratch.write(table).buffer).toBe(scratch.write(table).buffer)
  })
})
