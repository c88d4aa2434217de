import { Int32, Table, TimeUnit, Timestamp, Utf8, tableFromArrays, vectorFromArray } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { KustoConnector, kql } from '../../src/index.ts'
import type { BatchInput, WriteEvent, WriteOptions, WriteReceipt } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { canonicalTable } from './canonical.ts'
import type { Canonical } from './canonical.ts'
import { startRecordingProxy } from './recording-proxy.ts'
import { startSubmissionProxy } from './submission-proxy.ts'
import type { Submitted } from './submission-proxy.ts'

const WAYS = ['rest', 'queue'] as const
const FORMATS = ['csv', 'parquet'] as const

let local: LocalKusto
const connectors = new Map<string, KustoConnector>()

beforeAll(async () => {
  local = await startLocalKusto({ database: 'my data base' })
  for (const ingestion of WAYS) {
    connectors.set(ingestion, new KustoConnector({ cluster: local.cluster, database: local.database, ingestion }))
  }
})

afterAll(async () => {
  for (const connector of connectors.values()) await connector.close()
  await local.close()
})

const by = (way: 'rest' | 'queue' = 'rest'): KustoConnector => connectors.get(way)!

let made = 0
const newTable = (): string => `Option table ${made++}`

const data = (): Table =>
  new Table({ n: vectorFromArray([1, 2, 3], new Int32()), s: vectorFromArray(['a', 'b', null], new Utf8()) })

/** Rows of `n` in as many blobs as there are rows. */
const ROW_BYTES = 4
const several = (rows: number): Table => tableFromArrays({ n: Int32Array.from({ length: rows }, (_, row) => row) })

async function load(
  table: string,
  rows: BatchInput,
  options: WriteOptions & { readonly way?: 'rest' | 'queue' } = {},
): Promise<WriteReceipt> {
  const { way, ...rest } = options
  const receipt = await by(way).write(table, rows, { create: 'CreateIfNotExist', flushImmediately: true, ...rest })
  return receipt.completed({ timeoutMs: 60_000 })
}

const content = async (table: string): Promise<Readonly<Record<string, readonly Canonical[]>>> =>
  canonicalTable(await by().read(table, { mode: 'single' }).table())

const count = (table: string): Promise<number> => by().read(table).count()

async function extents(
  table: string,
): Promise<readonly { readonly tags: readonly string[]; readonly created: string }[]> {
  const shown = await by().command(`.show table ['${table}'] extents`).rows()
  return shown.rows.map((row) => ({
    tags: row
      .text('Tags')
      .split(/\r?\n/)
      .filter((tag) => tag !== ''),
    created: row.text('MinCreatedOn'),
  }))
}

describe('tags', () => {
  it.each(WAYS)('spark:W10 of all three kinds are on every extent, by %s', async (way) => {
    for (const format of FORMATS) {
      const table = newTable()
      await load(table, several(2), {
        way,
        format,
        maxBlobBytes: ROW_BYTES,
        dropByTags: ['day 1', "it's"],
        ingestByTags: ['batch "7"'],
        additionalTags: ['größe'],
      })
      const wanted = ['drop-by:day 1', "drop-by:it's", 'größe', 'ingest-by:batch "7"']
      expect((await extents(table)).map(({ tags }) => tags.toSorted())).toEqual([wanted, wanted])
    }
  })

  it.each(WAYS)('spark:W11 of an earlier write keep a second one out, which says so, by %s', async (way) => {
    const table = newTable()
    const once: WriteOptions = { ingestByTags: ['v1'], ingestIfNotExists: ['v0', 'v1'] }
    const first = await load(table, data(), { way, ...once })
    expect([first.skipped, first.rows]).toEqual([false, 3])
    const events: WriteEvent[] = []
    let read = 0
    async function* rows(): AsyncGenerator<{ n: number; s: string }> {
      read++
      yield { n: 1, s: 'x' }
    }
    const second = await load(table, rows(), { way, ...once, onEvent: (event) => events.push(event) })
    expect([second.skipped, second.rows, second.blobs, read]).toEqual([true, 0, [], 0])
    expect(events).toEqual([{ kind: 'skipped', table, tag: 'v1' }])
    expect(second.toJSON()).toMatchObject({ skippedBy: 'v1' })
    const again = by(way).receipt(JSON.stringify(second))
    expect([again.skipped, (await again.completed()).rows]).toEqual([true, 0])
    expect((await load(table, data(), { way, ingestIfNotExists: ['v2'] })).skipped).toBe(false)
    expect(await count(table)).toBe(6)
  })

  it.each(WAYS)(
    'spark:W11 that come between the question and the load keep the blob out at the service, by %s',
    async (way) => {
      const table = newTable()
      await load(table, data())
      // The question is asked before the source is: by the time of its first row the answer was no.
      async function* rows(): AsyncGenerator<Table> {
        await load(table, data(), { ingestByTags: ['race'] })
        yield data()
      }
      const receipt = await by(way).write(table, rows(), {
        ingestByTags: ['race'],
        ingestIfNotExists: ['race'],
        flushImmediately: true,
      })
      await receipt.completed({ timeoutMs: 60_000 })
      expect((await receipt.status()).map(({ state }) => state)).toEqual(['Skipped'])
      expect(receipt.outcome).toEqual({ rows: 0, blobs: 0, skippedRows: 3, skippedBlobs: 1 })
      expect(await count(table)).toBe(6)
    },
  )

  it('have no prefix, and are texts', async () => {
    for (const options of [
      { ingestByTags: ['ingest-by:x'] },
      { dropByTags: ['drop-by:x'] },
      { ingestIfNotExists: ['ingest-by:x'] },
      { additionalTags: [''] },
      { additionalTags: [7 as unknown as string] },
      { dropByTags: 'x' as unknown as string[] },
    ]) {
      await expect(by().write('T', data(), options)).rejects.toMatchObject({ code: 'KUSTO_BAD_OPTION' })
    }
  })
})

describe('creationTime', () => {
  it.each(WAYS)('spark:W12 is that of the extents, years ago too, by %s', async (way) => {
    const table = newTable()
    const creationTime = new Date('2019-02-03T04:05:06.789Z')
    await load(table, data(), { way, creationTime })
    expect((await extents(table)).map(({ created }) => created)).toEqual(['2019-02-03T04:05:06.7890000Z'])
  })

  it('spark:W12 in the future is refused before anything is sent', async () => {
    const creationTime = new Date(Date.now() + 60_000)
    await expect(by().write('None', data(), { creationTime })).rejects.toMatchObject({
      code: 'KUSTO_BAD_OPTION',
      message: expect.stringContaining('expected creationTime in the past') as string,
    })
  })
})

describe('options', () => {
  it('are those of the moment write was called, whatever the caller does to them afterwards', async () => {
    const table = newTable()
    const tags = ['first']
    const creationTime = new Date('2020-01-01T00:00:00Z')
    const mapping = [{ column: 'n', datatype: 'int', ordinal: 0 }]
    const options = { dropByTags: tags, creationTime, ingestionMapping: mapping }
    async function* rows(): AsyncGenerator<Table> {
      tags[0] = 'second'
      creationTime.setFullYear(2021)
      mapping[0]!.column = 'elsewhere'
      yield several(1)
    }
    await load(table, rows(), { ...options, create: 'CreateIfNotExist' })
    expect(await extents(table)).toEqual([{ tags: ['drop-by:first'], created: '2020-01-01T00:00:00.0000000Z' }])
    await load(table, several(1))
    expect((await extents(table)).filter(({ tags: found }) => found.length > 0)).toHaveLength(1)
  })
})

/** Properties of each submission, as the service got them. */
async function submissions(work: (kusto: KustoConnector) => Promise<unknown>): Promise<readonly Submitted[]> {
  const proxy = await startSubmissionProxy(local.cluster)
  const { url } = proxy
  const kusto = new KustoConnector({ cluster: url, ingestionCluster: url, database: local.database, ingestion: 'rest' })
  try {
    await work(kusto)
  } finally {
    await kusto.close()
    await proxy.close()
  }
  return proxy.seen
}

describe('flushing', () => {
  it('spark:W13 is asked for all blobs, or for those that are full, or for none', async () => {
    const flags = async (options: WriteOptions): Promise<readonly boolean[]> => {
      const table = newTable()
      const seen = await submissions((kusto) =>
        kusto.write(table, several(5), { create: 'CreateIfNotExist', maxBlobBytes: 2 * ROW_BYTES, ...options }),
      )
      return seen.flatMap(({ blobs, properties }) => blobs.map(() => properties.skipBatching))
    }
    expect(await flags({ flushImmediately: true })).toEqual([true, true, true])
    expect(await flags({ flushFullBlobs: true })).toEqual([true, true, false])
    expect(await flags({})).toEqual([false, false, false])
  })
})

describe('a source that is slow', () => {
  afterEach(() => void vi.useRealTimers())

  it('has its blobs submitted while it goes on, half a minute after the first that waits', async () => {
    const seen = { uploaded: 0, queued: 0 }
    const told: (() => void)[] = []
    const onEvent = ({ kind }: WriteEvent): void => {
      if (kind === 'blob-uploaded') seen.uploaded++
      if (kind === 'blobs-queued') seen.queued++
      for (const tell of told.splice(0)) tell()
    }
    let before = 0
    async function* slow(): AsyncGenerator<Table> {
      for (let part = 1; part <= 6; part++) {
        // Two blobs each.
        yield several(2)
        while (seen.uploaded < 2 * part - 1) await new Promise<void>((resolve) => void told.push(resolve))
        vi.advanceTimersByTime(30_000)
      }
      before = seen.queued
    }
    vi.useFakeTimers({ toFake: ['performance'] })
    const table = newTable()
    const options: WriteOptions = { create: 'CreateIfNotExist', maxBlobBytes: ROW_BYTES, flushImmediately: true }
    const receipt = await by().write(table, slow(), { ...options, onEvent })
    vi.useRealTimers()
    expect(receipt.blobs).toHaveLength(12)
    expect(before).toBeGreaterThanOrEqual(3)
    expect(before).toBeLessThanOrEqual(6)
    await receipt.completed({ timeoutMs: 60_000 })
    expect(await count(table)).toBe(12)
  })
})

describe('deduplicateBlobs', () => {
  it('spark:W23 gives each of several blobs a tag of its own, and a repeated write of the same name adds nothing', async () => {
    for (const way of WAYS) {
      const table = newTable()
      const options: WriteOptions = { deduplicateBlobs: 'july', maxBlobBytes: ROW_BYTES }
      await load(table, several(3), { way, ...options })
      const tags = (await extents(table)).flatMap(({ tags: found }) => found)
      expect(tags.toSorted()).toEqual([0, 1, 2].map((at) => `ingest-by:kusto-arrow-blob:july:${at}`))
      await load(table, several(3), { way, ...options })
      expect(await count(table)).toBe(3)
      await load(table, several(3), { way, deduplicateBlobs: 'august', maxBlobBytes: ROW_BYTES })
      expect(await count(table)).toBe(6)
    }
  })

  it('spark:W23 with a random name loads a message that is delivered twice once', async () => {
    const table = newTable()
    const [first, ...rest] = await submissions((kusto) =>
      kusto.write(table, several(1), { create: 'CreateIfNotExist', deduplicateBlobs: true, flushImmediately: true }),
    )
    expect(rest).toEqual([])
    const [tag] = first!.properties.ingestIfNotExists!
    expect(first!.properties.tags).toEqual([`ingest-by:${tag}`])
    expect(tag).toMatch(/^kusto-arrow-blob:[0-9a-f-]{36}:0$/)
    const other = await submissions((kusto) =>
      kusto.write(table, several(1), { deduplicateBlobs: true, flushImmediately: true }),
    )
    expect(other[0]!.properties.ingestIfNotExists).not.toEqual([tag])
  })
})

describe('sourceLocationColumn', () => {
  it.each(FORMATS)('spark:W24 gets the URL of the blob, in a new table and an old one, %s', async (format) => {
    const table = newTable()
    const column = 'ingestion_source_location_url_blob_internal'
    const receipt = await load(table, data(), { format, sourceLocationColumn: true })
    const urls = receipt.blobs.map(({ url }) => url)
    expect((await content(table))[column]).toEqual([urls[0], urls[0], urls[0]])
    expect((await content(table))['n']).toEqual(['1', '2', '3'])
    const again = await load(table, several(1), { format, sourceLocationColumn: true })
    expect((await content(table))[column]).toContain(again.blobs[0]!.url)
  })

  it('spark:W24 must be there, must be a string, and must be free', async () => {
    const table = newTable()
    await load(table, data())
    await expect(load(table, data(), { sourceLocationColumn: 'url' })).rejects.toMatchObject({
      code: 'KUSTO_SCHEMA_MISMATCH',
      message: expect.stringContaining('url:string is not in the table') as string,
    })
    await expect(load(table, data(), { sourceLocationColumn: 'n' })).rejects.toMatchObject({
      code: 'KUSTO_SCHEMA_MISMATCH',
    })
    await expect(load(table, tableFromArrays({ s: ['x'] }), { sourceLocationColumn: 'n' })).rejects.toThrow(
      /column n: expected a string/,
    )
    await load(table, data(), { sourceLocationColumn: 'url', adjustSchema: 'AddColumns' })
    expect((await content(table))['url']!.filter((url) => url !== '')).toHaveLength(3)
  })
})

describe('records', () => {
  it.each(WAYS)('begin with the names of the columns when the first one is to be ignored, by %s', async (way) => {
    const table = newTable()
    const receipt = await load(table, several(4), {
      way,
      ignoreFirstRecord: true,
      maxBlobBytes: 2 * ROW_BYTES,
      deleteIngestedBlobs: false,
    })
    expect([receipt.format, receipt.blobs.length]).toEqual(['csv', 2])
    expect(new Set((await content(table))['n'])).toEqual(new Set(['0', '1', '2', '3']))
    expect(await count(table)).toBe(4)
    expect(receipt.rawBytes).toBe(2 * ('"n"\n'.length + '0\n1\n'.length))
  })

  it('are validated as the policy says', async () => {
    const [sent] = await submissions((kusto) =>
      kusto.write(newTable(), data(), {
        create: 'CreateIfNotExist',
        validationPolicy: { options: 'ValidateCsvInputColumnLevelOnly', implications: 'BestEffort' },
      }),
    )
    expect(sent!.properties).toMatchObject({
      format: 'csv',
      validationPolicy: '{"ValidationOptions":2,"ValidationImplications":1}',
    })
    const table = newTable()
    const validationPolicy = { options: 'ValidateCsvInputConstantColumns', implications: 'Fail' } as const
    for (const way of WAYS) await load(table, data(), { way, validationPolicy })
    expect(await count(table)).toBe(6)
  })

  it('of CSV only are no option of Parquet', async () => {
    for (const options of [
      { ignoreFirstRecord: true },
      { validationPolicy: { options: 'DoNotValidate', implications: 'Fail' } },
      { adjustSchema: 'GenerateDynamicCsvMapping' },
    ] satisfies WriteOptions[]) {
      await expect(by().write('T', data(), { ...options, format: 'parquet' })).rejects.toMatchObject({
        code: 'KUSTO_BAD_OPTION',
        message: expect.stringContaining("expected format 'csv' with") as string,
      })
    }
  })
})

describe('size', () => {
  it('spark:W14 of a blob may be 2 GB and more, and small ones split between rows', async () => {
    const table = newTable()
    expect((await load(table, several(10), { maxBlobBytes: 3 * 1024 ** 3 })).blobs.map(({ rows }) => rows)).toEqual([
      10,
    ])
    expect((await load(table, several(10), { maxBlobBytes: 3 * ROW_BYTES })).blobs.map(({ rows }) => rows)).toEqual([
      3, 3, 3, 1,
    ])
  })
})

describe('format', () => {
  it('spark:W32 is Parquet from Arrow batches, or gzipped CSV when asked', async () => {
    const table = newTable()
    expect((await load(table, data())).format).toBe('parquet')
    const csv = await load(table, data(), { format: 'csv' })
    expect([csv.format, csv.blobs[0]!.url.endsWith('.csv.gz')]).toEqual(['csv', true])
    expect(await content(table)).toEqual({ n: ['1', '2', '3', '1', '2', '3'], s: ['a', 'b', '', 'a', 'b', ''] })
  })
})

describe('a write', () => {
  it('spark:W30 gives a summary: rows, bytes, blobs and operations', async () => {
    const receipt = await load(newTable(), several(4), { maxBlobBytes: 2 * ROW_BYTES })
    expect(receipt.rows).toBe(4)
    expect(receipt.rawBytes).toBeGreaterThan(0)
    expect(receipt.encodedBytes).toBe(receipt.blobs.reduce((sum, blob) => sum + blob.encodedBytes, 0))
    expect(receipt.blobs.map(({ rows }) => rows)).toEqual([2, 2])
    for (const blob of receipt.blobs) expect(blob.operationId).toMatch(/./)
  })

  it('spark:W25 is a promise: nothing is waited for before it is awaited, and its errors come with it', async () => {
    const failing = by().write('No such table', data())
    const working = load(newTable(), data())
    await expect(failing).rejects.toMatchObject({ code: 'KUSTO_TABLE_NOT_FOUND' })
    expect((await working).rows).toBe(3)
  })

  it('spark:W28 without rows succeeds and makes nothing but the table that was asked for', async () => {
    const table = newTable()
    const empty = data().slice(0, 0)
    const receipt = await load(table, empty)
    expect([receipt.rows, receipt.blobs, receipt.created]).toEqual([0, [], true])
    expect(await content(table)).toEqual({ n: [], s: [] })
    const names = (
      await by()
        .command(kql`.show tables | project TableName`)
        .rows()
    ).rows.map((row) => row.text('TableName'))
    expect(names.filter((name) => name.startsWith('kustoArrow'))).toEqual([])
  })

  it('spark:W36 through options kept for several tables uses each of them every time', async () => {
    const options: WriteOptions = Object.freeze({
      create: 'CreateIfNotExist',
      adjustSchema: 'GenerateDynamicCsvMapping',
      dropByTags: Object.freeze(['kept']),
      flushImmediately: true,
    } as const)
    for (const table of [newTable(), newTable()]) {
      await (await by().write(table, data(), options)).completed({ timeoutMs: 60_000 })
      expect((await extents(table)).map(({ tags }) => tags)).toEqual([['drop-by:kept']])
    }
    await expect(by().write('T', data(), { overwrite: true } as WriteOptions)).rejects.toMatchObject({
      code: 'KUSTO_BAD_OPTION',
      message: expect.stringContaining('overwrite') as string,
    })
  })

  it('carries the request id of the caller on every management command', async () => {
    const proxy = await startRecordingProxy(local.cluster)
    const kusto = new KustoConnector({ cluster: proxy.url, database: local.database })
    try {
      await kusto.write(newTable(), data(), {
        create: 'CreateIfNotExist',
        requestId: 'nightly',
        ingestIfNotExists: ['x'],
      })
    } finally {
      await kusto.close()
      await proxy.close()
    }
    const ids = proxy.seen
      .filter(({ csl }) => /^\.(show|create)/.test(csl))
      .map(({ clientRequestId }) => clientRequestId)
    expect(ids.length).toBeGreaterThan(1)
    expect(ids.filter((id) => !id.startsWith('nightly;'))).toEqual([])
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('spark:W35 times', () => {
  it('are moments in UTC, whatever the zone of the data', async () => {
    const at = Date.parse('2024-06-01T12:00:00.123Z')
    for (const format of FORMATS) {
      const table = newTable()
      const columns = Object.fromEntries(
        ['UTC', 'Asia/Tokyo', '+02:00'].map((zone) => [
          zone.replaceAll(/\W/g, '_'),
          vectorFromArray([at], new Timestamp(TimeUnit.MILLISECOND, zone)),
        ]),
      )
      await load(table, new Table(columns), { format })
      const micros = String(at * 1000)
      expect(await content(table)).toEqual({ UTC: [micros], Asia_Tokyo: [micros], _02_00: [micros] })
    }
  })
})
