import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { ContainerClient } from '@azure/storage-blob'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector, KustoIngestError, kql } from '../../src/index.ts'
import type { IngestOptions, StreamingEvent, WriteEvent } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { startFaultServer } from '../fault/fault-server.ts'

let local: LocalKusto
let kusto: KustoConnector
let folder: string

beforeAll(async () => {
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
  folder = await mkdtemp(join(tmpdir(), 'kusto-arrow-files-'))
})

afterEach(() => local.faults.clear())

afterAll(async () => {
  await kusto.close()
  await local.close()
  await rm(folder, { recursive: true })
})

async function file(name: string, bytes: string | Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

async function table(name: string): Promise<string> {
  await kusto.command(kql`.create-merge table ${kql.raw(name)} (n: long, text: string)`).rows()
  return name
}

async function rowsOf(name: string): Promise<readonly unknown[]> {
  const result = await kusto.read(kql`${kql.raw(name)} | order by n asc`, { mode: 'single' }).table()
  return result.toArray().map((row) => [Number(row['n']), row['text']])
}

const lines = (count: number): string => Array.from({ length: count }, (_, i) => `${i},row ${i}\n`).join('')
const STREAMING = { mode: 'streaming' } as const
const DONE = { timeoutMs: 60_000 } as const

describe('ingestFile', () => {
  it('streaming:C47 streams a file and one that is gzip inside, whatever its name says, with its exact size', async () => {
    const name = await table('StreamedFile')
    const text = lines(3)
    const plain = await kusto.ingestFile(name, await file('plain.csv', text), STREAMING)
    const hidden = await kusto.ingestFile(name, await file('hidden.csv', gzipSync('3,row 3\n')), STREAMING)
    const named = await kusto.ingestFile(
      name,
      pathToFileURL(await file('named.csv.gz', gzipSync('4,row 4\n'))),
      STREAMING,
    )
    expect(plain.pieces).toMatchObject([{ path: 'streamed', rawBytes: text.length, attempts: 1 }])
    expect([hidden.rawBytes, named.rawBytes, plain.rows]).toEqual([8, 8, undefined])
    expect(await rowsOf(name)).toEqual(Array.from({ length: 5 }, (_, i) => [i, `row ${i}`]))
  })

  it('counts every member of a gzip file', async () => {
    const name = await table('Members')
    const members = Buffer.concat([gzipSync('0,a\n'), gzipSync('1,b\n')])
    const receipt = await kusto.ingestFile(name, await file('members.csv.gz', members), STREAMING)
    expect(receipt.rawBytes).toBe(8)
    expect(await rowsOf(name)).toEqual([
      [0, 'a'],
      [1, 'b'],
    ])
  })

  it('takes the other formats with separators, JSON through a mapping, by their names', async () => {
    const name = await table('Formats')
    const mapping = '[{"column":"n","Properties":{"Path":"$.n"}},{"column":"text","Properties":{"Path":"$.t"}}]'
    await kusto.command(kql`.create table Formats ingestion json mapping "M" '${kql.raw(mapping)}'`).rows()
    for (const [ending, text] of [
      ['tsv', '0\ttsv\n'],
      ['scsv', '1;scsv\n'],
      ['sohsv', '2\u0001sohsv\n'],
      ['psv', '3|psv\n'],
    ] as const) {
      await kusto.ingestFile(name, await file(`rows.${ending}`, text), STREAMING)
    }
    const json = { ...STREAMING, ingestionMappingReference: 'M' }
    await kusto.ingestFile(name, await file('rows.jsonl', '{"n":4,"t":"json"}\n'), json)
    await kusto.ingestFile(name, await file('rows.multijson', '[{"n":5,\n"t":"multijson"}]'), json)
    expect(await rowsOf(name)).toEqual(
      ['tsv', 'scsv', 'sohsv', 'psv', 'json', 'multijson'].map((format, n) => [n, format]),
    )
  })

  it('streaming:C44 sends the mapping and the format as the streaming route calls them, Avro uncompressed', async () => {
    await using server = await startFaultServer([
      { kind: 'answer', status: 200, body: '{"Tables":[{"Columns":[],"Rows":[]}]}' },
    ])
    await using client = new KustoConnector({ cluster: server.url, database: 'db' })
    const path = await file('rows.avro', Buffer.from('Obj\u0001and so on'))
    await client.ingestFile('T', path, { ...STREAMING, ingestionMappingReference: 'M' })
    expect(server.requests[0]?.path).toBe('/v1/rest/ingest/db/T?streamFormat=avro&mappingName=M')
    expect(server.requests[0]?.headers['content-encoding']).toBeUndefined()
    expect(server.requests[0]?.body).toBe('Obj\u0001and so on')
  })

  it.each([
    ['plain', lines],
    ['gzip', (count: number) => gzipSync(lines(count))],
  ])('sends a %s file that is too large for a request to the queue, whole', async (kind, make) => {
    const name = await table(`TooLarge_${kind}`)
    const path = await file(`large-${kind}.csv`, make(2000))
    const options = { ...STREAMING, maxRequestBytes: 10_000, flushImmediately: true }
    const receipt = await kusto.ingestFile(name, path, options)
    expect(receipt.pieces).toMatchObject([{ path: 'queued', reason: 'source-too-large', rawBytes: lines(2000).length }])
    await receipt.completed(DONE)
    expect(await rowsOf(name)).toHaveLength(2000)
    await expect(kusto.ingestFile(name, path, { ...options, fallback: 'none' })).rejects.toMatchObject({
      code: 'KUSTO_STREAMING_TOO_LARGE',
    })
  })

  it('queues a file with what only the queue knows: tags, an inline mapping, a first record to ignore', async () => {
    const name = await table('QueuedFile')
    const path = await file('header.csv', 'text,n\nfirst,0\nsecond,1\n')
    const receipt = await kusto.ingestFile(name, path, {
      ingestionMapping: [
        { column: 'text', ordinal: 0 },
        { column: 'n', ordinal: 1 },
      ],
      ignoreFirstRecord: true,
      dropByTags: ['day'],
      flushImmediately: true,
    })
    await receipt.completed(DONE)
    expect(receipt.pieces).toMatchObject([{ path: 'queued', reason: 'as-asked', rawBytes: 24 }])
    expect(await rowsOf(name)).toEqual([
      [0, 'first'],
      [1, 'second'],
    ])
    const { rows } = await kusto.command(kql`.show table QueuedFile extents`).rows()
    expect(rows.map((row) => row.text('Tags'))).toEqual([expect.stringContaining('drop-by:day')])
    const later = kusto.ingestReceipt(JSON.stringify(receipt))
    expect((await later.status()).map(({ state }) => state)).toEqual(['Succeeded'])
  })

  it('streaming:T20 has nothing to do for an empty file', async () => {
    const name = await table('EmptyFile')
    for (const mode of ['streaming', 'queued'] as const) {
      const receipt = await kusto.ingestFile(name, await file('empty.csv', ''), { mode })
      expect([receipt.pieces, await (await receipt.completed()).status()]).toEqual([[], []])
    }
    const zipped = await kusto.ingestFile(name, await file('empty.csv.gz', gzipSync('')), STREAMING)
    expect(zipped.pieces).toEqual([])
  })

  it('streaming:T28 streaming:C37 queues the same bytes when streaming does not take them', async () => {
    const name = await table('FileFallback')
    local.faults.set([
      { match: { path: '/v1/rest/ingest/' }, action: { status: 429, headers: { 'Retry-After': '600' } } },
    ])
    const receipt = await kusto.ingestFile(name, await file('fallback.csv', lines(5)), {
      ...STREAMING,
      flushImmediately: true,
    })
    await receipt.completed(DONE)
    expect(receipt.pieces).toMatchObject([{ path: 'queued', reason: 'throttled', attempts: 1 }])
    expect(await rowsOf(name)).toHaveLength(5)
  })

  it('streaming:C39 says that a file may be in the table, although the failure is of a later attempt', async () => {
    const name = await table('FileUnknown')
    const match = { path: '/v1/rest/ingest/' }
    const body = { error: { code: 'BadRequest', '@permanent': true } }
    local.faults.set([
      { match, times: 1, action: { dropAnswer: true } },
      { match, action: { status: 400, body } },
    ])
    const ingesting = kusto.ingestFile(name, await file('unknown.csv', lines(5)), STREAMING)
    const error: unknown = await ingesting.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'KUSTO_WRITE_INCOMPLETE', cause: { code: 'KUSTO_STREAMING_REJECTED' } })
    const { pieces } = kusto.ingestReceipt(error instanceof KustoIngestError ? error.receipt : undefined)
    expect(pieces).toMatchObject([{ path: 'unknown', attempts: 2, ambiguous: 1 }])
    expect(await rowsOf(name)).toHaveLength(5)
  })

  it('surfaces a file that is not there', async () => {
    await expect(kusto.ingestFile('T', join(folder, 'absent.csv'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('ingestStream', () => {
  it('takes Node streams, Web streams, generators and bytes, of bytes or text', async () => {
    const name = await table('Sources')
    const options = { ...STREAMING, format: 'csv' } as const
    await kusto.ingestStream(name, Readable.from([Buffer.from('0,no'), Buffer.from('de\n')]), options)
    await kusto.ingestStream(name, new Blob(['1,web\n']).stream(), options)
    await kusto.ingestStream(name, generated(), options)
    await kusto.ingestStream(name, Buffer.from('3,bytes\n'), options)
    expect(await rowsOf(name)).toEqual(['node', 'web', 'generator', 'bytes'].map((text, n) => [n, text]))
  })

  it('streaming:T23 surfaces the failure of a source, and leaves nothing behind', async () => {
    const name = await table('Broken')
    const broken = (): AsyncGenerator<string> => failing(lines(10), new Error('disk on fire'))
    for (const mode of ['streaming', 'queued'] as const) {
      await expect(kusto.ingestStream(name, broken(), { mode, format: 'csv' })).rejects.toThrow('disk on fire')
    }
    expect(await rowsOf(name)).toEqual([])
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })

  it('streaming:T23 ends a source that has no end on abort, and leaves nothing behind', async () => {
    const name = await table('Endless')
    const controller = new AbortController()
    const reason = new Error('enough')
    let ended = false
    const source = endless(
      () => controller.abort(reason),
      () => (ended = true),
    )
    const options: IngestOptions = { format: 'csv', signal: controller.signal }
    await expect(kusto.ingestStream(name, source, options)).rejects.toBe(reason)
    expect(ended).toBe(true)
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })

  it('ends a source that has no end where it was told to, and one that says nothing', async () => {
    const name = await table('Bounded')
    const source = endless(
      () => undefined,
      () => undefined,
    )
    await expect(kusto.ingestStream(name, source, { format: 'csv', maxBytes: 100_000 })).rejects.toMatchObject({
      code: 'KUSTO_SOURCE_TOO_LARGE',
    })
    const silent = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) })
    await expect(kusto.ingestStream(name, silent, { format: 'csv', idleTimeoutMs: 1 })).rejects.toMatchObject({
      code: 'KUSTO_SOURCE_STALLED',
    })
    expect(await rowsOf(name)).toEqual([])
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })

  it('ends a source that it never came to read', async () => {
    let ended = false
    const source = endless(
      () => undefined,
      () => (ended = true),
    )
    local.faults.set([{ match: { path: '/v1/rest/ingestion/' }, action: { status: 403 } }])
    await expect(kusto.ingestStream('Endless', source, { format: 'csv', maxBytes: 1 })).rejects.toThrow()
    expect(ended).toBe(true)
  })

  it('refuses gzip that is damaged, and uploads none of it', async () => {
    const name = await table('Damaged')
    const damaged = gzipSync(lines(1000)).subarray(0, -20)
    for (const mode of ['streaming', 'queued'] as const) {
      await expect(kusto.ingestStream(name, damaged, { mode, format: 'csv' })).rejects.toMatchObject({
        code: 'KUSTO_BAD_GZIP',
      })
    }
    await expect.poll(stagedBlobs, { timeout: 10_000 }).toEqual([])
  })
})

describe('what cannot be streamed', () => {
  const zip = Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(40)])

  it('streaming:C47 refuses zip', async () => {
    await expect(kusto.ingestStream('T', zip, { ...STREAMING, format: 'csv' })).rejects.toMatchObject({
      code: 'KUSTO_NOT_STREAMABLE',
    })
  })

  it.each([
    ['ingestionMapping', { ingestionMapping: [{ column: 'n', ordinal: 0 }] }],
    ['dropByTags', { dropByTags: ['x'] }],
    ['ingestByTags', { ingestByTags: ['x'] }],
    ['additionalTags', { additionalTags: ['x'] }],
    ['ingestIfNotExists', { ingestIfNotExists: ['x'] }],
    ['creationTime', { creationTime: new Date(0) }],
    ['ignoreFirstRecord', { ignoreFirstRecord: true }],
  ] as const)('spark:W29 streaming:C41 refuses %s of a file, or drops it when told to', async (option, given) => {
    const name = await table('DroppedOptions')
    const options = { ...STREAMING, format: 'csv', ...given } as const
    await expect(kusto.ingestStream(name, Buffer.from('0,x\n'), options)).rejects.toMatchObject({
      code: 'KUSTO_NOT_STREAMABLE',
      message: expect.stringContaining(option) as unknown,
    })
    const events: (WriteEvent | StreamingEvent)[] = []
    const onEvent = (event: WriteEvent | StreamingEvent): void => void events.push(event)
    await kusto.ingestStream(name, Buffer.from('0,x\n'), { ...options, dropUnsupported: true, onEvent })
    expect(events[0]).toEqual({ kind: 'options-dropped', options: [option] })
  })

  it('streaming:C44 demands a mapping where streaming needs one, one mapping, and a format it knows', async () => {
    const ingest = (options: IngestOptions): Promise<unknown> => kusto.ingestStream('T', Buffer.from('{}'), options)
    for (const format of ['json', 'multijson', 'avro'] as const) {
      await expect(ingest({ ...STREAMING, format })).rejects.toMatchObject({ code: 'KUSTO_MAPPING_REQUIRED' })
    }
    for (const format of ['parquet', 'orc', 'txt'] as const) {
      await expect(ingest({ ...STREAMING, format })).rejects.toMatchObject({ code: 'KUSTO_NOT_STREAMABLE' })
    }
    const two = { ingestionMapping: [{ column: 'n', ordinal: 0 }], ingestionMappingReference: 'M' }
    await expect(ingest({ format: 'csv', ...two })).rejects.toMatchObject({ code: 'KUSTO_TWO_MAPPINGS' })
    await expect(ingest({ mode: 'queued' })).rejects.toThrow(/option format/)
    await expect(kusto.ingestFile('T', 'data.xlsx')).rejects.toThrow(/data\.xlsx/)
    // An option of streaming has no meaning for the queue.
    const odd = { format: 'csv', fallback: 'none' }
    await expect(ingest(odd as IngestOptions)).rejects.toThrow(/found fallback/)
  })
})

async function* generated(): AsyncGenerator<string> {
  yield '2,gene'
  yield 'rator\n'
}

async function* failing(text: string, error: Error): AsyncGenerator<string> {
  yield text
  throw error
}

async function* endless(halfway: () => void, over: () => void): AsyncGenerator<string> {
  try {
    for (let n = 0; ; n++) {
      if (n === 50) halfway()
      yield lines(100)
    }
  } finally {
    over()
  }
}

async function stagedBlobs(): Promise<readonly string[]> {
  const { rows } = await kusto.command('.get ingestion resources', { endpoint: 'ingestion' }).rows()
  const names: string[] = []
  for (const row of rows.filter((each) => each.text('ResourceTypeName') === 'TempStorage')) {
    for await (const blob of new ContainerClient(row.text('StorageRoot')).listBlobsFlat()) names.push(blob.name)
  }
  return names
}
