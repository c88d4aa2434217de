import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { RecordBatch, Table, tableFromArrays, tableToIPC, vectorFromArray } from 'apache-arrow'
import { afterAll, describe, expect, it } from 'vitest'
import { arrowBytes, arrowFile } from '../../src/cli/arrow-input.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'kusto-arrow-ipc-'))
afterAll(() => rmSync(folder, { recursive: true }))

const TABLE = new Table({ id: vectorFromArray([1, 2, 3]), name: vectorFromArray(['a', null, 'c']) })
const FILE = tableToIPC(TABLE, 'file')
const STREAM = tableToIPC(TABLE, 'stream')

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 100) yield bytes.subarray(start, start + 100)
}

async function collect(batches: AsyncIterable<RecordBatch>): Promise<RecordBatch[]> {
  const all: RecordBatch[] = []
  for await (const batch of batches) all.push(batch)
  return all
}

/** The batches of the bytes, as a file and through a pipe. */
async function bothWays(bytes: Uint8Array): Promise<readonly RecordBatch[][]> {
  const file = path.join(folder, 'x.arrow')
  writeFileSync(file, bytes)
  return [await collect(arrowFile(file, () => pieces(bytes))), await collect(arrowBytes(pieces(bytes)))]
}

function damaged(bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy.set(values, at < 0 ? copy.length + at : at)
  return copy
}

describe('Arrow IPC', () => {
  it('is read from a file and from a stream', async () => {
    for (const bytes of [FILE, STREAM]) {
      for (const batches of await bothWays(bytes)) expect(new Table(batches).toString()).toBe(TABLE.toString())
    }
  })

  it('is read to the last of several streams', async () => {
    const other = tableToIPC(TABLE.slice(1), 'stream')
    for (const batches of await bothWays(Buffer.concat([STREAM, other]))) {
      expect(batches.map(({ numRows }) => numRows)).toEqual([3, 2])
    }
  })

  it('without rows has columns', async () => {
    const empty = new Table([new RecordBatch(TABLE.schema, undefined)])
    for (const kind of ['file', 'stream'] as const) {
      for (const batches of await bothWays(tableToIPC(empty, kind))) {
        expect(batches.map(({ numRows, schema }) => [numRows, schema.names])).toEqual([[0, ['id', 'name']]])
      }
    }
  })

  it.each([
    ['nothing', new Uint8Array()],
    ['other bytes', Uint8Array.from({ length: 100 }, (_, index) => index * 37)],
    ['bytes that say they are very long', Buffer.from('ba3c6fd9fdc0801eef14f09578fb6b06d34cd58c35fbc1fb', 'hex')],
    ['the begin of a file', FILE.subarray(0, 300)],
    ['the begin of a stream', STREAM.subarray(0, 300)],
    ['a file whose footer is said to be longer than it', damaged(FILE, -10, 255, 255, 255, 127)],
    ['a file whose footer is said to be empty', damaged(FILE, -10, 0, 0, 0, 0)],
    ['Parquet', Buffer.from('PAR1 and so on, and further PAR1')],
  ])('is not %s, and that is told at once', async (_what, bytes) => {
    await expect(bothWays(bytes)).rejects.toThrow('expected a whole Arrow IPC file or stream, found other bytes')
    await expect(collect(arrowBytes(pieces(bytes)))).rejects.toThrow('expected a whole Arrow IPC file or stream')
  })

  it('fails with what its source says', async () => {
    const failure = Object.assign(new Error('the disk'), { code: 'EIO' })
    async function* source(): AsyncGenerator<Uint8Array> {
      yield* pieces(tableToIPC(tableFromArrays({ a: [1] }), 'stream').subarray(0, 100))
      throw failure
    }
    await expect(collect(arrowBytes(source()))).rejects.toBe(failure)
    await expect(collect(arrowFile(path.join(folder, 'none.arrow'), source))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
