import { EventEmitter, once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { type RecordBatch, tableFromArrays } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodeParquet } from '../../src/cli/encode-parquet.ts'
import { runCommandLine } from '../../src/cli/run-command-line.ts'
import { memoryIo, run } from './memory-io.ts'
import type { Ran } from './memory-io.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'kusto-arrow-parquet-'))
const file = (name: string): string => path.join(folder, name)

const ROWS = 150_000
const HEAD =
  '[{"FrameType":"DataSetHeader","IsProgressive":false,"Version":"v2.0"},{"FrameType":"DataTable","TableId":1,' +
  '"TableKind":"PrimaryResult","TableName":"P","Columns":[{"ColumnName":"i","ColumnType":"long"},' +
  `{"ColumnName":"d","ColumnType":"string"}],"Rows":[${Array.from({ length: ROWS }, (_, i) => `[${i},"text ${i}"]`).join(',')}`
const PARTIAL_FAILURE =
  ']},{"FrameType":"DataSetCompletion","HasErrors":true,"Cancelled":false,"OneApiErrors":[{"error":{"code":"LimitsExceeded",' +
  '"message":"partial failure","@message":"one shard was not read","@permanent":false}}]}]'

/** How the answer to a query goes on after rows that are more than one batch. */
let goOn: (response: ServerResponse) => void
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    if (!(request.url ?? '').includes('/query')) {
      response.end('{"Tables":[{"TableName":"T","Columns":[],"Rows":[]}]}')
      return
    }
    response.write(HEAD)
    goOn(response)
  })
})
let args: readonly string[] = []

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  args = ['read', 'T', '--mode', 'single', '--cluster', `http://127.0.0.1:${port}/db`]
})

afterEach(() => {
  for (const name of readdirSync(folder)) rmSync(file(name))
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true })
})

/** Runs, and sends SIGINT when the first batch has come. */
async function interrupted(words: readonly string[]): Promise<Ran> {
  const signals = new EventEmitter()
  const { io, out, outBytes, err } = memoryIo({ signals })
  const write = io.stderr.write.bind(io.stderr)
  Object.assign(io.stderr, {
    write: (text: string) => {
      if (text.includes('"kind":"batch"')) setImmediate(() => signals.emit('SIGINT'))
      return write(text)
    },
  })
  return { code: await runCommandLine([...words, '--ndjson'], io), out: out(), outBytes: outBytes(), err: err() }
}

describe.each(['parquet', 'csv', 'csv.gz', 'json', 'arrow'])(
  'a read to .%s that fails after its first batch',
  (format) => {
    const out = file(`rows.${format}`)

    it('fails when the answer is cut off, and leaves what was there', async () => {
      goOn = (response) => response.write(',[1,"', () => response.destroy())
      writeFileSync(out, 'before')
      const { code, err } = await run([...args, '--out', out])
      expect({ code, files: readdirSync(folder) }).toEqual({ code: 1, files: [path.basename(out)] })
      expect(err).toMatch(/^kusto-arrow: /m)
      expect(err).not.toContain('rows to')
    })

    it('fails with the error that the service tells at the end', async () => {
      goOn = (response) => response.end(PARTIAL_FAILURE)
      const { code, err } = await run([...args, '--out', out])
      expect({ code: code > 0, files: readdirSync(folder) }).toEqual({ code: true, files: [] })
      expect(err).toContain('one shard was not read')
    })

    it('leaves nothing at Ctrl-C', async () => {
      goOn = () => undefined
      const { code } = await interrupted([...args, '--out', out])
      expect({ code, files: readdirSync(folder) }).toEqual({ code: 130, files: [] })
    })
  },
)

it('gives no result for Parquet on standard output either', async () => {
  goOn = (response) => response.end(PARTIAL_FAILURE)
  const { code, err } = await run([...args, '--output', 'parquet'])
  expect(code).toBeGreaterThan(0)
  expect(err).toContain('one shard was not read')
})

describe('encodeParquet', () => {
  const table = tableFromArrays({ x: Int32Array.from({ length: 1000 }, (_, i) => i) })
  const [batch] = table.batches
  if (batch === undefined) throw new Error('a table without batches')

  it.each([0, 1, 3])('throws what its source throws after %i batches, and closes it once', async (before) => {
    let closed = 0
    async function* source(): AsyncGenerator<RecordBatch> {
      try {
        for (let index = 0; index < before; index++) yield batch as RecordBatch
        throw new Error('the source failed')
      } finally {
        closed++
      }
    }
    await expect(consume(encodeParquet(table.schema, source()))).rejects.toThrow('the source failed')
    expect(closed).toBe(1)
  })

  it('closes its source when nobody reads on', async () => {
    let closed = 0
    async function* source(): AsyncGenerator<RecordBatch> {
      try {
        for (;;) yield batch as RecordBatch
      } finally {
        closed++
      }
    }
    for await (const bytes of encodeParquet(table.schema, source())) if (bytes.length > 0) break
    expect(closed).toBe(1)
  })

  it.each([
    ['no batch', []],
    ['empty batches around one', [0, 1000, 0]],
    ['only empty batches', [0, 0]],
    ['many batches', Array.from({ length: 400 }, () => 1000)],
    ['batches larger than a slice', [1_000_000, 1, 1_000_000]],
  ])('writes all rows in their order: %s', async (_what, lengths) => {
    const name = file('all.parquet')
    const total = lengths.reduce((sum, length) => sum + length, 0)
    const all = tableFromArrays({
      x: Int32Array.from({ length: total }, (_, i) => i),
      y: Float64Array.from({ length: total }, (_, i) => i / 2),
    })
    async function* source(): AsyncGenerator<RecordBatch> {
      let start = 0
      for (const length of lengths) {
        const [first] = all.batches
        if (first !== undefined) yield first.slice(start, start + length)
        start += length
      }
    }
    const parts: Uint8Array[] = []
    for await (const bytes of encodeParquet(all.schema, source())) parts.push(bytes)
    writeFileSync(name, Buffer.concat(parts))
    expect(existsSync(name)).toBe(true)
    const instance = await DuckDBInstance.create()
    const connection = await instance.connect()
    const result = await connection.runAndReadAll(
      `SELECT count(*)::INT, count(*) FILTER (x = file_row_number AND y = x / 2)::INT FROM read_parquet('${name}', file_row_number = true)`,
    )
    expect(result.getRowsJson()).toEqual([[total, total]])
    connection.closeSync()
    instance.closeSync()
  })
})

async function consume(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const part of bytes) expect(part).toBeInstanceOf(Uint8Array)
}
