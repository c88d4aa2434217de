import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ContainerClient } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readExtents } from '../../../src/local/engine/extents.ts'
import { ingestInline, ingestInto, inlineData } from '../../../src/local/ingest/ingest-commands.ts'
import { ingestStream, type StreamingRequest } from '../../../src/local/ingest/streaming.ts'
import { type LocalStorage, startAzurite } from '../../../src/local/storage/azurite.ts'
import { type Engine, openEngine } from './engine.ts'

let engine: Engine
let storage: LocalStorage
let container: ContainerClient
let folder: string
beforeAll(async () => {
  // A temporary folder of its own: other tests run at the same time.
  folder = await mkdtemp(join(tmpdir(), 'ingest-commands-test-'))
  process.env['TMPDIR'] = folder
  ;[engine, storage] = await Promise.all([openEngine(), startAzurite()])
  container = new ContainerClient(storage.containerSas('ingest-temp-0'))
})
afterAll(async () => {
  await engine.close()
  await storage.close()
  await rm(folder, { recursive: true, force: true })
})

const { signal } = new AbortController()
const put = async (name: string, data: string | Buffer): Promise<string> => {
  await container.getBlockBlobClient(name).upload(data, Buffer.byteLength(data))
  return storage.containerSas('ingest-temp-0').replace('?', `/${name}?`)
}
const inline = (table: string, data: string, properties: readonly (readonly [string, string])[] = []) =>
  ingestInline(engine, engine.session, { database: 'db', table, properties, data, signal })
const into = (table: string, sources: readonly string[], properties: readonly (readonly [string, string])[] = []) =>
  ingestInto(engine, engine.session, { database: 'db', table, properties, sources, signal })
const extents = async (table: string) =>
  readExtents(engine.session, { tableIds: [engine.catalog.requireTable('db', table).id] })

describe('.ingest inline', () => {
  it('takes csv literally and gives the extent', async () => {
    await engine.create('Inline', 'a:string,b:int')
    const result = await inline('Inline', inlineData(' \n x //y,1\n"a,b",2\n'))
    expect(result.columns.map(({ name }) => name)).toEqual(['ExtentId'])
    expect((await extents('Inline')).map(({ extentId }) => [extentId])).toEqual(result.rows)
    expect(await engine.rows('Inline')).toEqual([
      [' x //y', '1'],
      ['a,b', '2'],
    ])
  })

  it('takes other formats, tags and a creation time', async () => {
    await engine.create('Json', 'a:string')
    await inline('Json', '{"a":"x"}', [
      ['format', 'json'],
      ['tags', '["drop-by:d"]'],
      ['creationTime', '2020-01-01T00:00:00Z'],
    ])
    expect(await extents('Json')).toMatchObject([{ tags: ['drop-by:d'], createdMin: 637134336000000000n, size: 9n }])
  })

  it('refuses unknown properties, a mapping twice, bad values and tables that do not exist', async () => {
    const bad = async (properties: readonly (readonly [string, string])[], table = 'Inline') =>
      inline(table, 'x,1', properties).then(
        () => 'fine',
        (error: { code?: string }) => error.code,
      )
    expect(await bad([['color', 'red']])).toBe('BadRequest_NotSupportedByEmulator')
    expect(await bad([['zipPattern', '*']])).toBe('BadRequest_NotSupportedByEmulator')
    expect(await bad([['extend_schema', 'true']])).toBe('BadRequest_NotSupportedByEmulator')
    expect(await bad([['extend_schema', 'false']])).toBe('fine')
    expect(
      await bad([
        ['ingestionMapping', '[]'],
        ['ingestionMappingReference', 'm'],
      ]),
    ).toBe('BadRequest_DuplicateMapping')
    expect(await bad([['ingestionMappingReference', 'm']])).toBe('BadRequest_MappingReferenceWasNotFound')
    expect(await bad([['creationTime', 'yesterday']])).toBe('BadRequest_MalformedIngestionProperty')
    expect(await bad([['ignoreFirstRecord', 'maybe']])).toBe('BadRequest_MalformedIngestionProperty')
    expect(await bad([['format', 'avro']])).toBe('BadRequest_NotSupportedByEmulator')
    expect(await bad([], 'Nowhere')).toBe('BadRequest_TableNotExist')
  })

  it('refuses records of unequal length by default and takes them with a lenient validation policy', async () => {
    await engine.create('Ragged', 'a:string,b:int')
    await expect(inline('Ragged', 'x,1\ny\n')).rejects.toMatchObject({ code: 'Stream_WrongNumberOfFields' })
    await inline('Ragged', 'x,1\ny\nz,2,3\n', [
      ['validationPolicy', '{"ValidationOptions":1,"ValidationImplications":1}'],
    ])
    expect(await engine.rows('Ragged')).toEqual([
      ['x', '1'],
      ['y', null],
      ['z', '2'],
    ])
  })

  it('names a decimal that it cannot hold', async () => {
    await engine.create('Dec', 'a:decimal')
    await expect(inline('Dec', '1\n123456789012345678901234\n')).rejects.toMatchObject({
      code: 'BadRequest_NotSupportedByEmulator',
    })
    expect(await engine.rows('Dec')).toEqual([])
  })
})

describe('.ingest into', () => {
  it('loads blobs by key and SAS, gzip by extension, one extent each', async () => {
    await engine.create('Into', 'a:string,b:int')
    const first = await put('one.csv', 'a,1\n')
    await put('two.tsv.gz', gzipSync('b\t2\n'))
    const second = `${storage.blobUrl}/ingest-temp-0/two.tsv.gz;${storage.accountKey}`
    const result = await into('Into', [first], [])
    await into('Into', [second])
    expect(result.columns.map(({ name }) => name)).toEqual([
      'ExtentId',
      'ItemLoaded',
      'Duration',
      'HasErrors',
      'OperationId',
    ])
    expect(result.rows[0]?.[1]).toBe(`${storage.blobUrl}/ingest-temp-0/one.csv`)
    expect(result.rows[0]?.[2]).toBeGreaterThan(0n)
    expect(await engine.rows('Into')).toEqual([
      ['a', '1'],
      ['b', '2'],
    ])
    expect(await extents('Into')).toHaveLength(2)
  })

  it('is all or nothing', async () => {
    await engine.create('Atomic', 'a:int')
    const good = await put('good.csv', '1\n')
    const bad = await put('bad.csv', '1\n2,3\n')
    await expect(into('Atomic', [good, bad])).rejects.toMatchObject({
      code: 'Stream_WrongNumberOfFields',
      permanent: true,
    })
    await expect(into('Atomic', [good, good.replace('good.csv', 'gone.csv')])).rejects.toMatchObject({
      code: 'Download_SourceNotFound',
      permanent: true,
    })
    expect(await engine.rows('Atomic')).toEqual([])
    expect(await extents('Atomic')).toEqual([])
  })

  it('ingests all sources of a command once when the tag is new, and none when it is known', async () => {
    await engine.create('Once', 'a:int')
    const sources = [await put('o1.csv', '1\n'), await put('o2.csv', '2\n')]
    const properties = [
      ['tags', '["ingest-by:x"]'],
      ['ingestIfNotExists', '["x"]'],
    ] as const
    expect((await into('Once', sources, properties)).state).toBeUndefined()
    const again = await into('Once', sources, properties)
    expect(again.state).toBe('Skipped')
    expect(again.rows.map(([id]) => id)).toEqual(Array(2).fill('00000000-0000-0000-0000-000000000000'))
    expect(await engine.rows('Once')).toEqual([['1'], ['2']])
  })

  it('stops at an abort with its reason, and leaves neither rows nor temporary files', async () => {
    await engine.create('Abort', 'a:int')
    const reason = new Error('enough')
    const stop = new AbortController()
    const source = await put('many.csv', '1\n'.repeat(2_000_000))
    const session = await engine.duck.connect()
    stop.signal.addEventListener('abort', () => session.interrupt())
    const command = { database: 'db', table: 'Abort', properties: [], sources: [source], signal: stop.signal }
    const running = ingestInto(engine, session, command)
    setTimeout(() => stop.abort(reason), 30)
    await expect(running).rejects.toBe(reason)
    session.close()
    expect(await engine.rows('Abort')).toEqual([])
    expect((await readdir(folder)).filter((name) => name.startsWith('kusto-arrow-ingest-'))).toEqual([])
  })

  it('needs a format that it can tell, and refuses zip', async () => {
    await expect(into('Into', [await put('data.bin', 'a,1\n')])).rejects.toMatchObject({
      code: 'BadRequest_FormatNotSupported',
    })
    await expect(into('Into', [await put('data.csv.zip', 'a,1\n')], [['format', 'csv']])).rejects.toMatchObject({
      code: 'BadRequest_NotSupportedByEmulator',
    })
    await into('Into', [await put('data.bin', 'bin,3\n')], [['format', 'CSV']])
    expect(await engine.rows('Into')).toContainEqual(['bin', '3'])
  })
})

const stream = (request: Partial<StreamingRequest> & { readonly body: Uint8Array }) =>
  ingestStream(engine, {
    database: 'db',
    table: 'Stream',
    streamFormat: 'Csv',
    mappingName: undefined,
    sourceKind: undefined,
    ...request,
  })

describe('streaming ingestion', () => {
  beforeAll(async () => {
    await engine.create('Stream', 'a:string,b:int')
  })

  it('is visible when it returns, from bytes and from a URI', async () => {
    await stream({ body: Buffer.from('x,1\n') })
    const uri = await put('s.csv', 'y,2\n')
    await stream({ body: Buffer.from(JSON.stringify({ SourceUri: uri })), sourceKind: 'uri' })
    expect(await engine.rows('Stream')).toEqual([
      ['x', '1'],
      ['y', '2'],
    ])
  })

  it('answers 413 beyond 4 MB, in the body or behind the URI', async () => {
    const big = Buffer.alloc(4 * 1024 * 1024 + 1, 'x')
    await expect(stream({ body: big })).rejects.toMatchObject({
      status: 413,
      type: 'Kusto.Data.Exceptions.KustoRequestPayloadTooLargeException',
    })
    const uri = await put('big.csv.gz', gzipSync(big))
    await expect(
      stream({ body: Buffer.from(JSON.stringify({ sourceUri: uri })), sourceKind: 'uri' }),
    ).rejects.toMatchObject({ status: 413 })
  })

  it('answers 404 for what does not exist and for streaming switched off', async () => {
    const body = Buffer.from('x,1\n')
    await expect(stream({ body, table: 'Nowhere' })).rejects.toMatchObject({
      status: 404,
      code: 'BadRequest_TableNotExist',
    })
    await expect(stream({ body, database: 'none' })).rejects.toMatchObject({
      status: 404,
      code: 'BadRequest_DatabaseNotExist',
    })
    const off = {
      catalog: Object.assign(Object.create(engine.catalog) as typeof engine.catalog, {
        policy: () => '{"IsEnabled":false}',
      }),
      duck: engine.duck,
    }
    Object.defineProperty(off.catalog, 'database', { value: engine.catalog.database.bind(engine.catalog) })
    Object.defineProperty(off.catalog, 'table', { value: engine.catalog.table.bind(engine.catalog) })
    await expect(
      ingestStream(off, {
        database: 'db',
        table: 'Stream',
        streamFormat: 'csv',
        mappingName: undefined,
        sourceKind: undefined,
        body,
      }),
    ).rejects.toMatchObject({ status: 400, code: 'BadRequest_StreamingIngestionPolicyNotEnabled' })
  })

  it('answers 400 for formats, mappings and data that do not fit', async () => {
    const body = Buffer.from('{"a":"x"}\n')
    await expect(stream({ body, streamFormat: undefined })).rejects.toMatchObject({ status: 400, permanent: true })
    await expect(stream({ body, streamFormat: 'parquet' })).rejects.toMatchObject({
      status: 400,
      code: 'BadRequest_FormatNotSupported',
    })
    await expect(stream({ body, streamFormat: 'json' })).rejects.toMatchObject({
      status: 400,
      code: 'BadRequest_EmptyMappingReference',
    })
    await expect(stream({ body, streamFormat: 'json', mappingName: 'none' })).rejects.toMatchObject({
      status: 400,
      code: 'BadRequest_MappingReferenceWasNotFound',
    })
    await expect(stream({ body: Buffer.from('a,1\nb\n') })).rejects.toMatchObject({
      status: 400,
      code: 'Stream_WrongNumberOfFields',
    })
  })
})
