import {
  Binary,
  Bool,
  DurationMicrosecond,
  Field,
  FixedSizeBinary,
  Float64,
  Int32,
  Int64,
  makeData,
  Schema,
  Table,
  tableFromArrays,
  TimestampMicrosecond,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow'
import type { RecordBatch } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  auditColumns,
  auditSummary,
  distinctRows,
  duplicateRows,
  KustoConnector,
  KustoIngestError,
  kql,
} from '../../src/index.ts'
import type { IngestReceipt, StreamingEvent, StreamingWriteOptions, WriteEvent } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { FaultRule, LocalKusto } from '../../src/local/index.ts'
import { canonicalTable } from './canonical.ts'
import { range, storedNumbers } from './numbered-rows.ts'

let local: LocalKusto
let kusto: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto()
  kusto = connect()
})

afterEach(() => local.faults.clear())

afterAll(async () => {
  await kusto.close()
  await local.close()
})

/** A connector of its own has learned nothing of any table. */
const connect = (): KustoConnector => new KustoConnector({ cluster: local.cluster, database: local.database })

const numbers = (start: number, rows: number): Table =>
  tableFromArrays({
    n: Int32Array.from({ length: rows }, (_, i) => start + i),
    text: Array.from({ length: rows }, (_, i) => `row ${start + i}`),
  })

/** Every value of `n`, with its repetitions. */
const stored = (table: string): Promise<readonly number[]> => storedNumbers(kusto, table)

const CREATE = { mode: 'streaming', create: 'CreateIfNotExist', flushImmediately: true } as const
const ROUTE = { path: '/v1/rest/ingest/', method: 'POST' }

interface Recorded {
  readonly receipt: IngestReceipt
  readonly events: readonly (WriteEvent | StreamingEvent)[]
}

async function write(table: string, data: Table, options: Partial<StreamingWriteOptions> = {}): Promise<Recorded> {
  const events: (WriteEvent | StreamingEvent)[] = []
  const receipt = await kusto.write(table, data, { ...CREATE, onEvent: (event) => events.push(event), ...options })
  return { receipt, events }
}

describe('streaming record batches', () => {
  it('brings rows that can be queried when it resolves, and says which way each piece took', async () => {
    const { receipt } = await write('Streamed', numbers(0, 1000))
    expect(await stored('Streamed')).toEqual(range(1000))
    expect(receipt.rows).toBe(1000)
    expect(receipt.pieces.map(({ path, rows, attempts }) => [path, rows, attempts])).toEqual([['streamed', 1000, 1]])
    expect(receipt.counts).toMatchObject({ streamed: 1, queued: 0, ambiguous: 0 })
    await receipt.completed()
  })

  it('spark:W3 streaming:C35 cuts pieces of at most the limit between rows, by encoded bytes', async () => {
    const { receipt } = await write('Cut', numbers(0, 5000), { maxRequestBytes: 10_000 })
    expect(await stored('Cut')).toEqual(range(5000))
    expect(receipt.pieces.length).toBeGreaterThan(5)
    expect(Math.max(...receipt.pieces.map(({ rawBytes }) => rawBytes))).toBeLessThanOrEqual(10_000)
    const ends = receipt.pieces.map(({ rowOffset = 0, rows = 0 }) => rowOffset + rows)
    expect(receipt.pieces.map(({ rowOffset }) => rowOffset)).toEqual([0, ...ends.slice(0, -1)])
  })

  it('spark:W3 queues a row that is larger than a request alone, and streams the others', async () => {
    const rows = [0, 1, 2].map((n) => ({ n, text: n === 1 ? 'x'.repeat(5000) : 'short' }))
    const { receipt } = await write('Oversize', new Table(tableFromRows(rows)), { maxRequestBytes: 1000 })
    await receipt.completed({ timeoutMs: 60_000 })
    expect(await stored('Oversize')).toEqual([0, 1, 2])
    expect(receipt.pieces.map(({ path, rows: count, reason }) => [path, count, reason])).toEqual([
      ['streamed', 1, undefined],
      ['queued', 1, 'row-too-large'],
      ['streamed', 1, undefined],
    ])
  })

  it('spark:W5 enables the streaming policy of the table it creates and clears the schema cache', async () => {
    const { events, receipt } = await write('Created', numbers(0, 3))
    expect(receipt.created).toBe(true)
    expect(events.map(({ kind }) => kind).slice(0, 3)).toEqual(['table-created', 'policy-enabled', 'cache-cleared'])
    expect(await kusto.streamingPolicy('Created').show()).toEqual({ isEnabled: true, hintAllocatedRate: undefined })
    const again = await write('Created', numbers(3, 3))
    expect(again.receipt.created).toBe(false)
    expect(again.events.map(({ kind }) => kind)).toEqual(['piece-streamed'])
  })

  it('brings columns to their names, whatever their order, and leaves others empty', async () => {
    await kusto.command('.create table Ordered (extra: string, text: string, n: int, tail: long)').rows()
    await write('Ordered', numbers(0, 2))
    const result = await kusto.read(kql`Ordered | order by n asc`, { mode: 'single' }).table()
    expect(result.toArray().map((row) => row.toJSON())).toEqual([
      { extra: '', text: 'row 0', n: 0, tail: null },
      { extra: '', text: 'row 1', n: 1, tail: null },
    ])
  })

  it('adds columns and clears the cache before rows go by the new schema', async () => {
    await kusto.command('.create table Wider (n: int)').rows()
    const { events } = await write('Wider', numbers(0, 2), { adjustSchema: 'AddColumns' })
    expect(events.map(({ kind }) => kind)).toEqual(['columns-added', 'cache-cleared', 'piece-streamed'])
    expect(await stored('Wider')).toEqual([0, 1])
  })

  it('streams JSON through a stored mapping', async () => {
    await kusto.command('.create table AsJson (number: long, words: string, at: datetime, rest: dynamic)').rows()
    const mapping = JSON.stringify([
      { column: 'number', Properties: { Path: '$.n' } },
      { column: 'words', Properties: { Path: '$.text' } },
      { column: 'rest', Properties: { Path: '$.rest' } },
    ])
    await kusto.command(kql`.create table AsJson ingestion json mapping "M" '${kql.raw(mapping)}'`).rows()
    const schema = new Schema([
      new Field('n', new Int64()),
      new Field('text', new Utf8()),
      new Field('rest', new Utf8(), true, new Map([['ARROW:extension:name', 'arrow.json']])),
    ])
    const data = new Table(schema, {
      n: vectorFromArray([2n ** 62n + 1n, null], new Int64()),
      text: vectorFromArray(['a "quoted" \n line', 'ü'], new Utf8()),
      rest: vectorFromArray(['{"a":[1]}', null], new Utf8()),
    })
    await kusto.write('AsJson', data, { mode: 'streaming', format: 'json', ingestionMappingReference: 'M' })
    const result = await kusto.read(kql`AsJson | order by words asc`, { mode: 'single' }).table()
    expect(result.toArray().map((row) => [row['number'], row['words'], row['rest']])).toEqual([
      [2n ** 62n + 1n, 'a "quoted" \n line', '{"a":[1]}'],
      [null, 'ü', null],
    ])
  })

  it('fails before a row is sent when the mapping does not exist', async () => {
    await write('NoMapping', numbers(0, 1))
    const writing = kusto.write('NoMapping', numbers(0, 1), { mode: 'streaming', ingestionMappingReference: 'Absent' })
    await expect(writing).rejects.toMatchObject({ code: 'KUSTO_MAPPING_NOT_FOUND' })
  })
})

const tableFromRows = (rows: readonly { readonly n: number; readonly text: string }[]): Table =>
  tableFromArrays({ n: Int32Array.from(rows, ({ n }) => n), text: rows.map(({ text }) => text) })

describe('when streaming does not work', () => {
  it('streaming:T25 streaming:C38 repeats a throttled request after Retry-After, with a new request id and the same bytes', async () => {
    await write('Throttled', numbers(0, 0))
    local.faults.set([{ match: ROUTE, times: 1, action: { status: 429, headers: { 'Retry-After': '0' } } }])
    const { receipt, events } = await write('Throttled', numbers(0, 10))
    expect(receipt.counts).toMatchObject({ streamed: 1, queued: 0, retries: 1, throttled: 1 })
    expect(events.map(({ kind }) => kind)).toContain('concurrency-lowered')
    expect(await stored('Throttled')).toEqual(range(10))
  })

  it('streaming:C15 asks again after the state of queued pieces when an answer fails, and not for longer than it may', async () => {
    await write('AskedAgain', numbers(0, 0))
    const throttled: FaultRule = { match: ROUTE, action: { status: 429, headers: { 'Retry-After': '600' } } }
    const looks = { path: '/queued/', method: 'GET' }
    local.faults.set([throttled, { match: looks, times: 2, action: { status: 404 } }])
    await using other = new KustoConnector({ cluster: local.cluster, database: local.database, ingestion: 'rest' })
    const receipt = await other.write('AskedAgain', numbers(0, 5), CREATE)
    expect(receipt.counts).toMatchObject({ queued: 1 })
    const events: WriteEvent[] = []
    await receipt.completed({ timeoutMs: 60_000, onEvent: (event) => void events.push(event) })
    expect(events.filter(({ kind }) => kind === 'retry')).toMatchObject([{ phase: 'status' }, { phase: 'status' }])
    expect(events.at(-1)).toMatchObject({ kind: 'ingestion-completed', succeeded: 1, failed: 0 })
    expect(await stored('AskedAgain')).toEqual(range(5))
    local.faults.set([{ match: looks, action: { delayMs: 3_600_000 } }])
    await expect(receipt.completed({ timeoutMs: 300 })).rejects.toMatchObject({ code: 'KUSTO_POLL_TIMEOUT' })
  })

  it('streaming:T28 streaming:C36 streaming:C37 queues exactly the pieces that did not stream', async () => {
    await write('PartlyQueued', numbers(0, 0))
    local.faults.set([{ match: ROUTE, after: 3, action: { status: 429, headers: { 'Retry-After': '600' } } }])
    const { receipt } = await write('PartlyQueued', numbers(0, 1000), { maxRequestBytes: 2000, concurrency: 1 })
    await receipt.completed({ timeoutMs: 60_000 })
    expect(await stored('PartlyQueued')).toEqual(range(1000))
    const paths = receipt.pieces.map(({ path }) => path)
    expect(paths.slice(0, 3)).toEqual(['streamed', 'streamed', 'streamed'])
    expect(new Set(paths.slice(3))).toEqual(new Set(['queued']))
    // One request met the throttling; the others were spared by the circuit.
    expect(receipt.counts).toMatchObject({ streamed: 3, queued: paths.length - 3, throttled: 1 })
  })

  it('streaming:T27 streaming:C35 halves what is too large, keeps the lower limit and loses or doubles nothing', async () => {
    await kusto.command('.create table Halved (n: int, text: string)').rows()
    // The service's own limit of 4 MB, met by a client that was told a larger one.
    const text = 'y'.repeat(1000)
    const rows = 6000
    const data = tableFromArrays({ n: Int32Array.from(range(rows)), text: range(rows).map(() => text) })
    const { receipt, events } = await write('Halved', data, { maxRequestBytes: 10 * 1024 * 1024, concurrency: 1 })
    expect(await stored('Halved')).toEqual(range(rows))
    expect(receipt.counts).toMatchObject({ queued: 0, splits: 1 })
    expect(events.filter(({ kind }) => kind === 'piece-split')).toHaveLength(1)
    const next = await write('Halved', data.slice(0, 10))
    expect(next.receipt.counts.splits).toBe(0)
  })

  it('streaming:T27 goes to the queue when requests of every size are refused', async () => {
    await write('Refused', numbers(0, 0))
    local.faults.set([{ match: ROUTE, action: { status: 413 } }])
    const { receipt } = await write('Refused', numbers(0, 20_000))
    await receipt.completed({ timeoutMs: 60_000 })
    expect(await stored('Refused')).toEqual(range(20_000))
    expect(receipt.counts.streamed).toBe(0)
    expect(receipt.pieces.reduce((sum, { attempts }) => sum + attempts, 0)).toBeLessThan(8)
  })

  it('streaming:C40 queues when the policy is off, or says so when it may not', async () => {
    await kusto.command('.create table PolicyOff (n: int, text: string)').rows()
    await kusto.streamingPolicy('PolicyOff').disable()
    const strict = { continueWhenUnavailable: false } as const
    await expect(write('PolicyOff', numbers(0, 5), strict)).rejects.toMatchObject({
      code: 'KUSTO_STREAMING_POLICY_MISSING',
      cause: { code: 'BadRequest_StreamingIngestionPolicyNotEnabled' },
    })
    await expect(write('PolicyOff', numbers(0, 5), { fallback: 'none' })).rejects.toBeInstanceOf(KustoIngestError)
    const { receipt, events } = await write('PolicyOff', numbers(0, 5))
    await receipt.completed({ timeoutMs: 60_000 })
    expect(await stored('PolicyOff')).toEqual(range(5))
    expect(events).toContainEqual({ kind: 'circuit-opened', reason: 'policy', forMs: 900_000 })
    const next = await write('PolicyOff', numbers(5, 5))
    expect(next.receipt.pieces).toMatchObject([{ path: 'queued', attempts: 0, reason: 'policy' }])
    await kusto.streamingPolicy('PolicyOff').enable()
    const enabled = await write('PolicyOff', numbers(10, 5))
    expect(enabled.receipt.pieces).toMatchObject([{ path: 'streamed' }])
  })

  it('throws what the service says of bad data and queues none of it', async () => {
    await write('BadData', numbers(0, 0))
    local.faults.set([
      { match: ROUTE, action: { status: 400, body: { error: { code: 'BadRequest', '@permanent': true } } } },
    ])
    await expect(write('BadData', numbers(0, 5))).rejects.toMatchObject({ code: 'KUSTO_STREAMING_REJECTED' })
    local.faults.clear()
    expect(await stored('BadData')).toEqual([])
  })

  it('tells what has arrived when a later piece is refused', async () => {
    await write('HalfWay', numbers(0, 0))
    local.faults.set([
      { match: ROUTE, after: 2, action: { status: 400, body: { error: { code: 'BadRequest', '@permanent': true } } } },
    ])
    const error: unknown = await write('HalfWay', numbers(0, 1000), { maxRequestBytes: 2000, concurrency: 1 }).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    local.faults.clear()
    expect(error).toMatchObject({ code: 'KUSTO_WRITE_INCOMPLETE', cause: { code: 'KUSTO_STREAMING_REJECTED' } })
    const receipt = kusto.ingestReceipt(error instanceof KustoIngestError ? error.receipt : undefined)
    const arrived = receipt.pieces.filter(({ path }) => path === 'streamed')
    expect(arrived).toHaveLength(2)
    expect(await stored('HalfWay')).toEqual(range(arrived.reduce((sum, { rows = 0 }) => sum + rows, 0)))
    await expect(receipt.completed()).rejects.toMatchObject({ code: 'KUSTO_INGESTION_FAILED' })
  })
})

describe('a request that is carried out and not answered', () => {
  const lost = (times: number): void => local.faults.set([{ match: ROUTE, times, action: { dropAnswer: true } }])

  it('streaming:T29 streaming:C39 is sent again by default, counted, and may bring rows twice', async () => {
    await write('SentAgain', numbers(0, 0))
    lost(1)
    const { receipt, events } = await write('SentAgain', numbers(0, 5))
    expect(receipt.counts).toMatchObject({ streamed: 1, ambiguous: 1 })
    expect(receipt.pieces[0]).toMatchObject({ path: 'streamed', attempts: 2, ambiguous: 1 })
    expect(events).toContainEqual({ kind: 'outcome-unknown', rows: 5, next: 'retry' })
    expect(await stored('SentAgain')).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
  })

  it('streaming:T29 streaming:C53 brings rows twice that audit columns tell apart again', async () => {
    const audited = (start: number): AsyncIterable<RecordBatch> =>
      auditColumns(numbers(start, 5), { stream: "quay's", firstRow: start })
    await kusto.write('Audit ed', audited(0), CREATE)
    lost(1)
    await kusto.write('Audit ed', audited(5), CREATE)
    expect(await stored('Audit ed')).toHaveLength(15)
    const rowsOf = async (query: Parameters<typeof kusto.query>[0]): Promise<readonly object[]> =>
      (await kusto.query(query).table()).toArray().map((row: { toJSON(): object }) => row.toJSON())
    expect(await rowsOf(auditSummary('Audit ed'))).toEqual([
      { _stream: "quay's", Rows: 15n, DistinctRows: 10n, Duplicates: 5n, FirstRow: 0n, LastRow: 9n, Missing: 0n },
    ])
    const copies = await rowsOf(kql`${duplicateRows('Audit ed')} | order by _row asc`)
    expect(copies).toEqual([5n, 6n, 7n, 8n, 9n].map((_row) => ({ _stream: "quay's", _row, Copies: 2n })))
    const distinct = await rowsOf(kql`${distinctRows('Audit ed')} | order by _row asc | project n, _row`)
    expect(distinct).toEqual(range(10).map((n) => ({ n, _row: BigInt(n) })))
  })

  it('streaming:T29 ends the write when it must not be repeated', async () => {
    await write('Surfaced', numbers(0, 0))
    lost(1)
    await expect(write('Surfaced', numbers(0, 5), { onAmbiguous: 'fail' })).rejects.toMatchObject({
      code: 'KUSTO_STREAMING_OUTCOME_UNKNOWN',
    })
    expect(await stored('Surfaced')).toEqual(range(5))
  })

  it('streaming:C39 is unknown too where the queue gave no answer, and may have taken the rows', async () => {
    await write('Unheard', numbers(0, 0))
    local.faults.set([
      { match: ROUTE, action: { status: 413 } },
      { match: { path: '/v1/rest/ingestion/queued' }, action: { dropAnswer: true } },
    ])
    const error: unknown = await write('Unheard', numbers(0, 5)).catch((reason: unknown) => reason)
    local.faults.clear()
    expect(error).toMatchObject({ code: 'KUSTO_WRITE_INCOMPLETE', cause: { code: 'KUSTO_CONNECTION_FAILED' } })
    const { pieces, counts } = kusto.ingestReceipt(error instanceof KustoIngestError ? error.receipt : undefined)
    expect(pieces).toMatchObject([{ path: 'unknown', reason: 'size', rows: 5, ambiguous: 1 }])
    expect(counts.ambiguous).toBe(1)
  })

  it('streaming:T29 goes to the queue when that is asked for', async () => {
    await write('Requeued', numbers(0, 0))
    lost(1)
    const { receipt } = await write('Requeued', numbers(0, 5), { onAmbiguous: 'queue' })
    await receipt.completed({ timeoutMs: 60_000 })
    expect(receipt.pieces).toMatchObject([{ path: 'queued', reason: 'unknown', ambiguous: 1 }])
    expect(await stored('Requeued')).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
  })
})

describe('values', () => {
  /** Every Kusto type with a null, and the values that formats lose most easily. */
  const data = (): Table => {
    const json = new Map([['ARROW:extension:name', 'arrow.json']])
    const guid = new Map([['ARROW:extension:name', 'arrow.uuid']])
    const uuid = makeData({
      type: new FixedSizeBinary(16),
      length: 2,
      nullCount: 1,
      nullBitmap: Uint8Array.of(1),
      data: Uint8Array.from({ length: 32 }, (_, i) => i),
    })
    const columns: readonly (readonly [Field, Vector])[] = [
      [new Field('b', new Bool()), vectorFromArray([true, null], new Bool())],
      [new Field('i', new Int32()), vectorFromArray([-(2 ** 31), null], new Int32())],
      [new Field('l', new Int64()), vectorFromArray([2n ** 63n - 1n, null], new Int64())],
      [new Field('r', new Float64()), vectorFromArray([0.1 + 0.2, null], new Float64())],
      [new Field('s', new Utf8()), vectorFromArray(['a,"b"\r\nü🚀\\', ''], new Utf8())],
      [
        new Field('t', new TimestampMicrosecond('UTC')),
        vectorFromArray([1_000, null], new TimestampMicrosecond('UTC')),
      ],
      [new Field('d', new DurationMicrosecond()), vectorFromArray([90_061_000_001n, null], new DurationMicrosecond())],
      [new Field('g', new FixedSizeBinary(16), true, guid), new Vector([uuid])],
      [new Field('j', new Utf8(), true, json), vectorFromArray(['{"a":[1,null,"\\"x\\""]}', null], new Utf8())],
      [new Field('bytes', new Binary()), vectorFromArray([Uint8Array.of(0, 255), null], new Binary())],
    ]
    const schema = new Schema(columns.map(([field]) => field))
    return new Table(schema, Object.fromEntries(columns.map(([field, vector]) => [field.name, vector])))
  }

  it('streaming:C48 streaming:T21 arrive through CSV and JSON as a queued write brings them', async () => {
    const queued = await kusto.write('ValuesQueued', data(), { create: 'CreateIfNotExist', flushImmediately: true })
    await queued.completed({ timeoutMs: 60_000 })
    const wanted = await valuesOf('ValuesQueued')
    expect(wanted['l']).toEqual(['9223372036854775807', null])

    await write('ValuesCsv', data())
    expect(await valuesOf('ValuesCsv')).toEqual(wanted)

    const mapping = data().schema.fields.map(({ name }) => ({ column: name, Properties: { Path: `$.${name}` } }))
    await kusto.command('.create table ValuesJson based-on ValuesQueued').rows()
    const text = JSON.stringify(mapping).replaceAll("'", "\\'")
    await kusto.command(kql`.create table ValuesJson ingestion json mapping "M" '${kql.raw(text)}'`).rows()
    await write('ValuesJson', data(), { create: 'FailIfNotExist', format: 'json', ingestionMappingReference: 'M' })
    expect(await valuesOf('ValuesJson')).toEqual(wanted)
  })

  async function valuesOf(table: string): Promise<ReturnType<typeof canonicalTable>> {
    return canonicalTable(await kusto.read(kql`${kql.raw(table)} | order by b desc`, { mode: 'single' }).table())
  }
})

describe('an abort', () => {
  it('streaming:C15 streaming:T23 ends the source and the write, and tells what has arrived', async () => {
    await write('Aborted', numbers(0, 0))
    const controller = new AbortController()
    const reason = new Error('enough')
    let end: (() => void) | undefined
    const ended = new Promise<void>((resolve) => (end = resolve))
    async function* source(): AsyncGenerator<RecordBatch> {
      try {
        for (let at = 0; ; at += 100) {
          if (at === 500) controller.abort(reason)
          yield* numbers(at, 100).batches
        }
      } finally {
        end?.()
      }
    }
    const writing = kusto.write('Aborted', source(), {
      ...CREATE,
      maxRequestBytes: 1000,
      concurrency: 1,
      signal: controller.signal,
    })
    const error: unknown = await writing.catch((failure: unknown) => failure)
    expect(error === reason || (error instanceof KustoIngestError && error.cause === reason)).toBe(true)
    await ended
    const arrived = await stored('Aborted')
    expect(arrived).toEqual(range(arrived.length))
    if (error instanceof KustoIngestError) {
      const { pieces } = kusto.ingestReceipt(error.receipt)
      const rows = (path: string): number =>
        pieces.filter((piece) => piece.path === path).reduce((sum, piece) => sum + (piece.rows ?? 0), 0)
      expect(arrived.length).toBeGreaterThanOrEqual(rows('streamed'))
      expect(arrived.length).toBeLessThanOrEqual(rows('streamed') + rows('unknown'))
    }
  })

  it('before it began sends nothing', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    controller.abort(reason)
    const options = { ...CREATE, signal: controller.signal }
    await expect(kusto.write('NeverBegun', numbers(0, 1), options)).rejects.toBe(reason)
    await expect(kusto.read('NeverBegun').count()).rejects.toThrow(/NeverBegun/)
  })
})
