import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCommandBench, type CommandBench } from './command-bench.ts'

let bench: CommandBench
beforeAll(async () => {
  bench = await openCommandBench()
  await bench.run('.create tables T (a:long, b:string), U (a:long)')
})
afterAll(() => bench.close())

const policy = async (text: string): Promise<unknown> => {
  const [row] = await bench.rows(text)
  return JSON.parse(String(row?.['Policy'])) as unknown
}

describe('policies', () => {
  it('answers with five columns, and null for a policy that is not set', async () => {
    const { columns, rows } = await bench.run('.show table T policy merge')
    expect(columns.map(({ name }) => name)).toEqual([
      'PolicyName',
      'EntityName',
      'Policy',
      'ChildEntities',
      'EntityType',
    ])
    expect(rows).toEqual([['ExtentsMergePolicy', '[db1].[T]', 'null', '', 'Table']])
  })

  it('resets what .alter leaves out and keeps it with .alter-merge', async () => {
    await bench.run(
      '.alter table T policy ingestionbatching \'{"MaximumBatchingTimeSpan":"00:00:30","MaximumNumberOfItems":7}\'',
    )
    expect(await policy('.alter-merge table T policy ingestionbatching \'{"MaximumRawDataSizeMB":200}\'')).toEqual({
      MaximumBatchingTimeSpan: '00:00:30',
      MaximumNumberOfItems: 7,
      MaximumRawDataSizeMB: 200,
    })
    expect(await policy('.alter table T policy ingestionbatching \'{"MaximumRawDataSizeMB":300}\'')).toEqual({
      MaximumBatchingTimeSpan: '00:05:00',
      MaximumNumberOfItems: 500,
      MaximumRawDataSizeMB: 300,
    })
  })

  it.each([
    '{"MaximumBatchingTimeSpan":"00:00:09"}',
    '{"MaximumBatchingTimeSpan":"00:30:01"}',
    '{"MaximumNumberOfItems":0}',
    '{"MaximumRawDataSizeMB":99}',
    '{"MaximumRawDataSizeMB":4097}',
    '{"Typo":1}',
    '[]',
    'nonsense',
  ])('refuses the batching policy %s', async (json) => {
    await expect(bench.run(`.alter table U policy ingestionbatching '${json}'`)).rejects.toMatchObject({ status: 400 })
    expect(await policy('.show table U policy ingestionbatching')).toBeNull()
  })

  it('lets the policy of the table win over that of the database', async () => {
    await bench.run('.alter database db1 policy streamingingestion enable')
    expect(bench.services.catalog.policy('db1', 'T', 'streamingingestion')).toContain('true')
    await bench.run('.alter table T policy streamingingestion disable')
    expect(bench.services.catalog.policy('db1', 'T', 'streamingingestion')).toContain('false')
    expect(await policy('.delete table T policy streamingingestion')).toBeNull()
    expect(bench.services.catalog.policy('db1', 'T', 'streamingingestion')).toContain('true')
  })

  it('takes the short forms of retention and caching', async () => {
    expect(await policy('.alter-merge table T policy retention softdelete = 10d recoverability = disabled')).toEqual({
      SoftDeletePeriod: '10.00:00:00',
      Recoverability: 'Disabled',
    })
    expect(await policy('.alter table T policy caching hot = 36h')).toEqual({
      DataHotSpan: { Value: '1.12:00:00' },
      IndexHotSpan: { Value: '1.12:00:00' },
    })
  })

  it('applies one policy to several tables', async () => {
    expect(await bench.rows('.alter tables (T, U) policy merge \'{"AllowMerge":false}\'')).toMatchObject([
      { EntityName: '[db1].[T]', Policy: expect.stringContaining('"AllowMerge":false') },
      { EntityName: '[db1].[U]', Policy: expect.stringContaining('"AllowMerge":false') },
    ])
  })

  it.each([
    '.alter table T policy update \'[{"IsEnabled":true,"Source":"U","Query":"U"}]\'',
    '.alter table T policy row_level_security enable "T"',
    '.alter table T policy restricted_view_access true',
  ])('refuses what would change results: %s', async (text) => {
    await expect(bench.run(text)).rejects.toMatchObject({ code: 'BadRequest_NotSupportedByEmulator' })
  })

  it('keeps the encoding policy of a column', async () => {
    const [row] = await bench.rows(".alter column T.b policy encoding type='BigObject'")
    expect(row).toMatchObject({ EntityName: '[db1].[T].[b]', EntityType: 'Column' })
    expect(row?.['Policy']).toContain('BigObject')
    await expect(bench.run(".alter column T.b policy encoding type='Nonsense'")).rejects.toMatchObject({ status: 400 })
  })
})

describe('mappings', () => {
  it('creates, refuses to create again, alters and drops', async () => {
    const json = '[{"Column":"a","Properties":{"Ordinal":"0"}}]'
    const [created] = await bench.rows(`.create table T ingestion csv mapping "m" '${json}'`)
    expect(created).toMatchObject({ Name: 'm', Kind: 'Csv', Mapping: json, Database: 'db1', Table: 'T' })
    await expect(bench.run(`.create table T ingestion csv mapping "m" '${json}'`)).rejects.toMatchObject({
      status: 400,
    })
    const other = '[{"Column":"b","Properties":{"Ordinal":"1"}}]'
    await bench.run(`.create-or-alter table T ingestion csv mapping "m" '${other}'`)
    expect(await bench.rows('.show table T ingestion csv mapping "m"')).toMatchObject([{ Mapping: other }])
    await bench.run('.drop table T ingestion csv mapping "m"')
    expect(await bench.rows('.show table T ingestion mappings')).toEqual([])
    await expect(bench.run('.show table T ingestion csv mapping "m"')).rejects.toMatchObject({
      code: 'BadRequest_EntityNotFound',
    })
    await expect(bench.run(`.alter table T ingestion csv mapping "m" '${json}'`)).rejects.toMatchObject({
      code: 'BadRequest_EntityNotFound',
    })
  })

  it('keeps mappings of one name apart by kind, and the table wins over the database', async () => {
    await bench.run('.create table T ingestion json mapping "x" \'[{"column":"a","path":"$.table"}]\'')
    await bench.run('.create database db1 ingestion json mapping "x" \'[{"column":"a","path":"$.database"}]\'')
    await bench.run('.create table T ingestion csv mapping "x" \'[{"Name":"a","Ordinal":0}]\'')
    const { catalog } = bench.services
    expect(catalog.mapping('db1', 'T', 'JSON', 'x')?.mapping).toContain('$.table')
    expect(catalog.mapping('db1', 'U', 'json', 'x')?.mapping).toContain('$.database')
    expect(await bench.rows('.show database db1 ingestion mappings')).toMatchObject([{ Name: 'x', Kind: 'Json' }])
    expect(await bench.rows('.show database ingestion mappings')).toHaveLength(1)
    expect(await bench.rows('.show table T ingestion csv mappings')).toMatchObject([{ Kind: 'Csv' }])
  })

  it.each([
    ['csv', '{}'],
    ['csv', '[]'],
    ['csv', '[{"Column":"a"}]'],
    ['csv', '[{"Column":"a","Properties":{"Ordinal":"x"}}]'],
    ['csv', '[{"Column":"a","Properties":{"Ordinal":0}},{"Column":"a","Properties":{"Ordinal":1}}]'],
    ['json', '[{"Column":"a","Properties":{"Field":"a"}}]'],
    ['json', '[{"Column":"a","Properties":{"Path":"$.a","Transform":"Nonsense"}}]'],
    ['parquet', '[{"Column":"a","Properties":{"Typo":"a"}}]'],
  ])('refuses a mapping of kind %s: %s', async (kind, json) => {
    await expect(bench.run(`.create table U ingestion ${kind} mapping "bad" '${json}'`)).rejects.toMatchObject({
      status: 400,
    })
    expect(bench.services.catalog.mapping('db1', 'U', kind, 'bad')).toBeUndefined()
  })
})
