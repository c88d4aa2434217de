import { Int32, Table, Utf8, tableFromArrays, vectorFromArray } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector } from '../../src/index.ts'
import type { ExplainWriteOptions, WriteExplanation, WriteOptions } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { startRecordingProxy } from './recording-proxy.ts'
import type { RecordingProxy } from './recording-proxy.ts'
import { startSubmissionProxy } from './submission-proxy.ts'
import type { SubmissionProxy } from './submission-proxy.ts'

let local: LocalKusto
let engine: RecordingProxy
let ingestion: SubmissionProxy
let kusto: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto()
  engine = await startRecordingProxy(local.cluster)
  ingestion = await startSubmissionProxy(local.cluster)
  kusto = new KustoConnector({ cluster: engine.url, ingestionCluster: ingestion.url, database: local.database })
})

afterAll(async () => {
  await kusto.close()
  await engine.close()
  await ingestion.close()
  await local.close()
})

/** Nothing that was explained may have changed anything. */
afterEach(() => {
  const changed = engine.seen.filter(({ csl }) => !csl.startsWith('.show ') && !csl.startsWith('.create table Fixed'))
  expect(changed.map(({ csl }) => csl)).toEqual([])
  expect(ingestion.seen).toEqual([])
  engine.seen.length = 0
})

const data = (): Table =>
  new Table({ a: vectorFromArray([1, 2], new Int32()), b: vectorFromArray(['x', null], new Utf8()) })

const explain = (table: string, options: WriteOptions = {}, rows: Table = data()): Promise<WriteExplanation> => {
  const asked: ExplainWriteOptions = { ...options, explain: true }
  return kusto.write(table, rows, asked)
}

let made = 0
async function fixed(columns: string): Promise<string> {
  const table = `Fixed${made++}`
  await kusto.command(`.create table ${table} (${columns})`).rows()
  return table
}

describe('explain', () => {
  it('tells of a missing table how it would be made, and makes none', async () => {
    const explained = await explain('New table', { create: 'CreateIfNotExist', dropByTags: ['d'] })
    expect({ ...explained }).toEqual({
      table: 'New table',
      mode: 'queued',
      exists: false,
      fails: undefined,
      skippedBy: undefined,
      commands: [".create-merge table ['New table'] (['a']:int, ['b']:string)"],
      targets: [
        { source: 'a', type: 'int', column: 'a', columnType: 'int' },
        { source: 'b', type: 'string', column: 'b', columnType: 'string' },
      ],
      empty: [],
      unmapped: [],
      differences: [],
      format: 'parquet',
      formatReason: 'every column survives it',
      mapping: undefined,
      tags: ['drop-by:d'],
      estimate: { rows: 2, bytes: expect.any(Number) as number, blobs: 1 },
    })
    expect(String(explained)).toContain('queued, to table New table, which does not exist')
    const { rows } = await kusto.command('.show tables').rows()
    expect(rows.map((row) => row.text('TableName'))).not.toContain('New table')
  })

  it('tells the error that a write would end with, and every difference, instead of throwing', async () => {
    expect((await explain('Nowhere')).fails).toMatchObject({ code: 'KUSTO_TABLE_NOT_FOUND' })
    const table = await fixed('b:string, A:int, z:real, a:datetime')
    const explained = await explain(table, {}, tableFromArrays({ a: Int32Array.of(1), b: ['x'], c: ['y'] }))
    expect(explained.fails).toMatchObject({ code: 'KUSTO_SCHEMA_MISMATCH' })
    expect(explained.commands).toEqual([])
    expect(explained.differences).toEqual([
      { kind: 'type', column: 'a', data: { type: 'int', position: 0 }, table: { type: 'datetime', position: 3 } },
      { kind: 'position', column: 'a', data: { type: 'int', position: 0 }, table: { type: 'datetime', position: 3 } },
      { kind: 'position', column: 'b', data: { type: 'string', position: 1 }, table: { type: 'string', position: 0 } },
      { kind: 'only-in-data', column: 'c', data: { type: 'string', position: 2 } },
      { kind: 'only-in-table', column: 'A', table: { type: 'int', position: 1 } },
      { kind: 'only-in-table', column: 'z', table: { type: 'real', position: 2 } },
    ])
    expect(String(explained)).toContain('a: int in the data, datetime in the table')
  })

  it('tells columns to add, columns left empty, the mapping of CSV, and why CSV', async () => {
    const table = await fixed('z:timespan, b:string')
    const explained = await explain(table, { adjustSchema: 'AddColumns', format: 'csv' })
    expect(explained).toMatchObject({
      exists: true,
      commands: [`.alter-merge table ['${table}'] (['a']:int)`],
      empty: ['z'],
      format: 'csv',
      formatReason: 'as asked',
      mapping: [
        { column: 'a', datatype: 'int', ordinal: 0 },
        { column: 'b', datatype: 'string', ordinal: 1 },
      ],
    })
    const own = [{ column: 'b', ordinal: 1 }]
    expect(await explain(table, { ingestionMapping: own })).toMatchObject({
      mapping: own,
      unmapped: ['a'],
      format: 'csv',
    })
  })

  it('lists the commands of a transactional write and of a replacement, staging table and all', async () => {
    const table = await fixed('a:int, b:string')
    const transactional = await explain(table, { mode: 'transactional' })
    expect(transactional.commands.map((csl) => csl.replace(/ policy (\w+) .*/, ' policy $1'))).toEqual([
      expect.stringContaining(".create table ['<staging table>'] (['a']:int, ['b']:string) with ("),
      ".alter table ['<staging table>'] policy retention",
      ".alter table ['<staging table>'] policy auto_delete",
      ".alter-merge table ['<staging table>'] policy merge",
      `.move async extents from table ['<staging table>'] to table ['${table}'] with (<times>) (<extents of <staging table>>)`,
      ".drop table ['<staging table>'] ifexists",
    ])
    const replace = await explain(table, { mode: 'replace', replaceTag: 'day' })
    expect(replace.commands.at(-2)).toContain(`.replace async extents in table ['${table}']`)
    expect(replace.commands.at(-2)).toContain('with tag drop-by:day')
    await kusto.command(`.create table Fixed_staging (a:int, b:string)`).rows()
    const own = await explain(table, { mode: 'transactional', stagingTable: 'Fixed_staging' })
    expect(own.commands).toEqual([
      `.move async extents from table ['Fixed_staging'] to table ['${table}'] with (<times>) (<extents of Fixed_staging>)`,
    ])
  })

  it('tells of a streaming write the policy it would set, and what it cannot do', async () => {
    const streaming = { mode: 'streaming', explain: true } as const
    const created = await kusto.write('New table', data(), { ...streaming, create: 'CreateIfNotExist' })
    expect(created).toMatchObject({ mode: 'streaming', exists: false, format: 'csv', fails: undefined })
    expect(created.commands).toEqual([
      ".create-merge table ['New table'] (['a']:int, ['b']:string)",
      expect.stringMatching(/^\.alter table \['New table'\] policy streamingingestion /),
      ".clear table ['New table'] cache streamingingestion schema",
    ])
    const table = await fixed('a:int')
    expect((await kusto.write(table, data(), streaming)).fails).toMatchObject({ code: 'KUSTO_SCHEMA_MISMATCH' })
    const rows = await kusto.write(table, [{ a: '7' }], streaming)
    expect(rows).toMatchObject({ commands: [], targets: [{ source: 'a', column: 'a', columnType: 'int' }] })
    await expect(kusto.write(table, data(), { ...streaming, dropByTags: ['x'] })).rejects.toMatchObject({
      code: 'KUSTO_NOT_STREAMABLE',
    })
  })

  it('reads of the data what their schema needs, and closes them', async () => {
    let read = 0
    let closed = false
    async function* rows(): AsyncGenerator<{ n: number }> {
      try {
        for (;;) yield { n: read++ }
      } finally {
        closed = true
      }
    }
    const explained = await kusto.write('Endless', rows(), {
      create: 'CreateIfNotExist',
      inferRows: 10,
      explain: true,
    })
    expect(explained.commands).toEqual([".create-merge table ['Endless'] (['n']:long)"])
    expect(explained.estimate).toBeUndefined()
    expect([read, closed]).toEqual([10, true])
    let batches = 0
    async function* tables(): AsyncGenerator<Table> {
      for (;;) {
        batches++
        yield data()
      }
    }
    await kusto.write('Endless', tables(), { create: 'CreateIfNotExist', explain: true })
    expect(batches).toBe(1)
  })

  it('tells that nothing would be written when a tag is there', async () => {
    const direct = new KustoConnector({ cluster: local.cluster, database: local.database })
    const table = await fixed('a:int, b:string')
    try {
      const receipt = await direct.write(table, data(), { ingestByTags: ['t'], flushImmediately: true })
      await receipt.completed({ timeoutMs: 60_000 })
    } finally {
      await direct.close()
    }
    const explained = await explain(table, { ingestIfNotExists: ['t'], adjustSchema: 'AddColumns' })
    expect([explained.skippedBy, explained.commands]).toEqual(['t', []])
    expect(String(explained)).toContain('an extent has the tag ingest-by:t')
  })

  it('tells the very commands that the write then sends', async () => {
    const proxy = await startRecordingProxy(local.cluster)
    const watched = new KustoConnector({ cluster: proxy.url, database: local.database })
    try {
      const table = await fixed('z:real, b:string')
      for (const [name, options] of [
        ['Fixed as explained', { create: 'CreateIfNotExist' }],
        [table, { adjustSchema: 'AddColumns', sourceLocationColumn: 'came in' }],
      ] satisfies (readonly [string, WriteOptions])[]) {
        const explained = await watched.write(name, data(), { ...options, explain: true })
        proxy.seen.length = 0
        await watched.write(name, data(), options)
        const sent = proxy.seen.map(({ csl }) => csl).filter((csl) => !/^\.(show|get) /.test(csl))
        expect(explained.commands).toEqual(sent)
        expect(sent).toHaveLength(1)
      }
    } finally {
      await watched.close()
      await proxy.close()
    }
  })

  it('estimates blobs from the bytes of a table', async () => {
    const rows = tableFromArrays({ n: Float64Array.from({ length: 1000 }, (_, row) => row) })
    const explained = await explain('New', { create: 'CreateIfNotExist', maxBlobBytes: 1000 }, rows)
    expect(explained.estimate).toEqual({ rows: 1000, bytes: 8000, blobs: 8 })
  })
})
