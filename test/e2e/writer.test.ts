import { Readable } from 'node:stream'
import { Table, tableFromArrays } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector } from '../../src/index.ts'
import type { OnWriterEvent, WriterOptions } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { range, storedNumbers } from './numbered-rows.ts'

let local: LocalKusto
let kusto: KustoConnector
const events: Parameters<OnWriterEvent>[0][] = []

beforeAll(async () => {
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
})

afterEach(() => {
  local.faults.clear()
  events.length = 0
})

afterAll(async () => {
  await kusto.close()
  await local.close()
})

const INGESTED = {
  create: 'CreateIfNotExist',
  acknowledge: 'ingested',
  flushImmediately: true,
  onEvent: (event: Parameters<OnWriterEvent>[0]) => void events.push(event),
} satisfies WriterOptions

const numbers = (start: number, rows: number): Table =>
  tableFromArrays({
    n: Int32Array.from({ length: rows }, (_, i) => start + i),
    text: Array.from({ length: rows }, String),
  })

/** Every value of `n`, with its repetitions. */
const stored = (table: string): Promise<readonly number[]> => storedNumbers(kusto, table)

describe('streaming:C1 a writer', () => {
  it('brings every row once into a table it creates, asking for the table once', async () => {
    const acked: unknown[] = []
    {
      await using writer = kusto.writer('Kept', { ...INGESTED, maxBatchRows: 400, onAck: (at) => void acked.push(at) })
      for (let start = 0; start < 1000; start += 100) await writer.write(numbers(start, 100), { position: start })
      await writer.flush()
      expect(acked).toEqual(range(10).map((index) => index * 100))
      await writer.write({ n: 1000, text: 'one row' })
    }
    expect(await stored('Kept')).toEqual(range(1001))
    expect(events.filter(({ kind }) => kind === 'table-created')).toHaveLength(1)
    expect(events.flatMap((event) => (event.kind === 'batch-done' ? [event.rows] : []))).toHaveLength(4)
  })

  it('takes rows of an async generator and of a Node stream', async () => {
    async function* source(): AsyncGenerator<{ n: number; text: string }> {
      for (let n = 0; n < 2500; n++) yield { n, text: `row ${n}` }
    }
    const positions: unknown[] = []
    const options = { ...INGESTED, maxBatchRows: 1000, onAck: (at: unknown) => void positions.push(at) }
    const flushed = await kusto.writeStream('Generated', source(), { ...options, positionOf: ({ n }) => n })
    expect(flushed).toEqual({ rows: 2500, batches: 3 })
    expect(positions.at(-1)).toBe(2499)
    await kusto.writeStream('Generated', Readable.from([{ n: 2500, text: '' }]), INGESTED)
    expect(await stored('Generated')).toEqual(range(2501))
  })

  it('infers the columns of rows from as many as it is told to look at', async () => {
    const rows = [{ n: 1 }, { n: 2, later: 'x' }]
    for (const [inferRows, columns] of [
      [1, ['n']],
      [2, ['n', 'later']],
    ] as const) {
      await using writer = kusto.writer(`Inferred${inferRows}`, { ...INGESTED, inferRows })
      await writer.write(rows).catch((error: unknown) => expect(String(error)).toMatch(/row 1: .*later/))
      await writer.write(rows.slice(0, inferRows))
      await writer.close()
      const found = await kusto.read(`Inferred${inferRows}`).schema()
      expect(found.fields.map(({ name }) => name)).toEqual(columns)
    }
  })

  it('refuses rows that do not fit the table where they are written, and goes on', async () => {
    await using writer = kusto.writer('Typed', INGESTED)
    await writer.write(numbers(0, 2))
    await expect(writer.write({ n: 'no number', text: 'x' })).rejects.toThrow(/row 0|column n/)
    await expect(writer.write(tableFromArrays({ other: Int32Array.of(1) }))).rejects.toMatchObject({
      code: 'KUSTO_SCHEMA_MISMATCH',
    })
    await writer.write({ n: 2, text: 'x' })
    await writer.close()
    expect(await stored('Typed')).toEqual(range(3))
  })

  it('tells of a batch that the service refuses, and stops', async () => {
    const writer = kusto.writer('Broken', INGESTED)
    await writer.write(numbers(0, 2))
    await kusto.command('.drop table Broken').rows()
    await expect(writer.flush()).rejects.toThrow(/'Broken' does not exist/)
    await expect(writer.close()).rejects.toThrow(/'Broken' does not exist/)
  })
})

describe('a writer of streamed batches', () => {
  it('streaming:C37 brings rows at once, and through the queue when streaming is off, and counts which', async () => {
    const options = { ...INGESTED, mode: 'streaming' as const }
    const { acknowledge, ...streamed } = options
    const writer = kusto.writer('Streamed', { ...streamed, acknowledge })
    await writer.write(numbers(0, 10))
    await writer.flush()
    expect(await stored('Streamed')).toEqual(range(10))
    expect(writer.metrics()).toMatchObject({ ingestedRows: 10, fallbackRows: 0, acknowledgedRows: 10 })
    local.faults.add({ match: { path: '/v1/rest/ingest/', method: 'POST' }, times: 9, action: { status: 503 } })
    await writer.write({ n: 10, text: 'x' })
    await writer.close()
    expect(await stored('Streamed')).toEqual(range(11))
    expect(writer.metrics()).toMatchObject({ fallbackRows: 1, acknowledgedRows: 11 })
  })

  it('streaming:C41 refuses options that streaming ignores when it is opened', () => {
    const options = { mode: 'streaming', dropByTags: ['x'] } as const
    expect(() => kusto.writer('Streamed', options)).toThrow(/dropByTags/)
  })

  it('refuses rows that do not fit the table where they are written, and goes on', async () => {
    const streamed = { ...INGESTED, mode: 'streaming' } as const
    {
      await using writer = kusto.writer('StreamedTyped', streamed)
      await writer.write(numbers(0, 2))
      await expect(writer.write({ n: 'no number', text: 'x' })).rejects.toThrow(/row 0|column n/)
      await expect(writer.write(tableFromArrays({ other: Int32Array.of(1) }))).rejects.toMatchObject({
        code: 'KUSTO_SCHEMA_MISMATCH',
      })
      expect(await writer.flush()).toEqual({ rows: 2, batches: 1 })
      await writer.write({ n: 2, text: 'x' })
    }
    expect(await stored('StreamedTyped')).toEqual(range(3))
    expect(events.filter(({ kind }) => kind === 'table-created')).toHaveLength(1)
    const missing = kusto.writer('NowhereToStream', { mode: 'streaming' })
    await expect(missing.write(numbers(0, 1))).rejects.toMatchObject({ code: 'KUSTO_TABLE_NOT_FOUND' })
    await missing.close()
  })

  it('adds columns before it takes the rows that have them', async () => {
    const options = { ...INGESTED, mode: 'streaming', adjustSchema: 'AddColumns' } as const
    {
      await using writer = kusto.writer('StreamedWider', options)
      await writer.write(numbers(0, 2))
      await writer.write([{ n: 2, text: 'x', note: 'new' }])
      await writer.write([{ n: 3, text: 'x', note: 'again' }])
    }
    expect(await stored('StreamedWider')).toEqual(range(4))
    expect(await kusto.query('StreamedWider | where note != ""').count()).toBe(2)
    expect(events.filter(({ kind }) => kind === 'columns-added')).toHaveLength(1)
  })
})
