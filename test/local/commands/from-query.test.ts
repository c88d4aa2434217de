import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { openCommandBench, operationEnd, type CommandBench } from './command-bench.ts'

let bench: CommandBench
beforeAll(async () => {
  bench = await openCommandBench()
})
afterAll(() => bench.close())
beforeEach(async () => {
  const { catalog, duck } = bench.services
  for (const { name } of catalog.tables('db1')) await catalog.dropTable('db1', name)
  const table = await catalog.createTable('db1', {
    name: 'S',
    columns: [
      { name: 'a', type: 'long' },
      { name: 'b', type: 'string' },
    ],
  })
  const session = await duck.connect()
  await catalog.ingest(session, [{ table, select: "SELECT * FROM (VALUES (1, 'one'), (2, 'two'))" }])
  session.close()
})

const columnsOf = (table: string): unknown =>
  bench.services.catalog.table('db1', table)?.columns.map(({ name, type }) => `${name}:${type}`)

describe('ingest from query', () => {
  it('creates the table of a .set with the columns of the query', async () => {
    const [row] = await bench.rows(
      '.set T with (folder="F", tags=\'["drop-by:t"]\') <| S | where a > 1 | extend c = a * 1.5',
    )
    expect(row).toMatchObject({ RowCount: 1n, OriginalSize: 8n + 3n + 8n })
    expect(columnsOf('T')).toEqual(['a:long', 'b:string', 'c:real'])
    expect(await bench.stored('T')).toEqual([[2n, 'two', 3]])
    expect(await bench.rows('.show table T extents')).toMatchObject([
      { Tags: 'drop-by:t', ExtentId: row?.['ExtentId'] },
    ])
    expect(bench.services.catalog.table('db1', 'T')?.folder).toBe('F')
  })

  it('fails a .set of a table that exists and an .append to one that does not', async () => {
    await expect(bench.run('.set S <| S')).rejects.toMatchObject({ status: 400 })
    await expect(bench.run('.append T <| S')).rejects.toMatchObject({ code: 'BadRequest_EntityNotFound' })
    expect(await bench.stored('S')).toHaveLength(2)
  })

  it('matches columns by position and type, never by name', async () => {
    await bench.run('.append S <| S | project x = a + 10, y = b')
    expect(await bench.stored('S')).toHaveLength(4)
    await expect(bench.run('.append S <| S | project b, a')).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining("QuerySchema=('string', 'long'), TableSchema=('long', 'string')"),
    })
    await expect(bench.run('.append S <| S | project a')).rejects.toMatchObject({ status: 400 })
    await expect(bench.run('.append S <| S | extend c = 1')).rejects.toMatchObject({ status: 400 })
    expect(await bench.stored('S')).toHaveLength(4)
  })

  it('adds columns at the end with extend_schema and starts anew with recreate_schema', async () => {
    await bench.run('.append S with (extend_schema=true) <| S | extend c = 1')
    expect(columnsOf('S')).toEqual(['a:long', 'b:string', 'c:int'].map((text) => text.replace('int', 'long')))
    await bench.run('.set-or-replace S with (recreate_schema=true) <| print b = 7, z = "z"')
    expect(columnsOf('S')).toEqual(['b:long', 'z:string'])
    expect(await bench.stored('S')).toEqual([[7n, 'z']])
  })

  it('replaces all data, also by a query over the same table', async () => {
    await bench.run('.set-or-replace S <| S | where a == 2')
    expect(await bench.stored('S')).toEqual([[2n, 'two']])
    await bench.run('.set-or-append S <| S')
    expect(await bench.stored('S')).toHaveLength(2)
    await bench.run('.set-or-replace S with (recreate_schema=true) <| S | project a = tostring(a), c = b')
    expect(await bench.stored('S')).toEqual([
      ['2', 'two'],
      ['2', 'two'],
    ])
  })

  it('ingests once for one ingest-by tag, and says Skipped', async () => {
    const command = '.set-or-append async T with (tags=\'["ingest-by:1"]\', ingestIfNotExists=\'["1"]\') <| S'
    expect(await operationEnd(bench, await bench.run(command))).toMatchObject({ State: 'Completed' })
    expect(await operationEnd(bench, await bench.run(command))).toMatchObject({ State: 'Skipped' })
    expect(await bench.stored('T')).toHaveLength(2)
  })

  it('keeps details of an async operation only when asked', async () => {
    const forgotten = await bench.run('.append async S <| S')
    await operationEnd(bench, forgotten)
    await expect(bench.run(`.show operation ${String(forgotten.rows[0]?.[0])} details`)).rejects.toMatchObject({
      status: 400,
    })
    const kept = await bench.run('.append async S with (persistDetails=true) <| S')
    await operationEnd(bench, kept)
    expect((await bench.rows(`.show operation ${String(kept.rows[0]?.[0])} details`))[0]).toMatchObject({
      RowCount: 4n,
    })
  })

  it('takes the creation time, and forgets the ingestion time when told to', async () => {
    await bench.run('.set T with (creationTime="2020-01-02T03:04:05.1234567Z", policy_ingestiontime=false) <| S')
    expect(await bench.rows('.show table T extents')).toMatchObject([
      { MaxCreatedOn: BigInt(Date.UTC(2020, 0, 2, 3, 4, 5)) * 10_000n + 621_355_968_000_000_000n + 1_234_567n },
    ])
    expect((await bench.rows('.show table T policy ingestiontime'))[0]?.['Policy']).toBe('{"IsEnabled":false}')
  })

  it('ingests what a .show command shows', async () => {
    await bench.run('.set T <| .show tables')
    expect(await bench.stored('T')).toEqual([['S', 'db1', '', '']])
  })

  it.each([
    '.append S with (nope=true) <| S',
    ".append S with (tags='x') <| S",
    '.append S with (creationTime="yesterday") <| S',
    '.append S <| S | where missing == 1',
    '.append S <| S |',
    '.append S <| .drop table S',
  ])('refuses %s and appends nothing', async (text) => {
    await expect(bench.run(text)).rejects.toMatchObject({ status: 400 })
    expect(await bench.stored('S')).toHaveLength(2)
  })
})

describe('a source that is dropped between planning and writing', () => {
  const meanwhile = (change: () => Promise<unknown>): void => {
    const { catalog } = bench.services
    const ingest = catalog.ingest.bind(catalog)
    vi.spyOn(catalog, 'ingest').mockImplementationOnce(async (session, requests) => {
      await change()
      return await ingest(session, requests)
    })
  }

  it('is read as it is then when there is another of its name', async () => {
    await bench.run('.create table T (a:long, b:string)')
    meanwhile(async () => {
      await bench.run('.drop table S')
      await bench.run('.create table S (b:string, a:long)')
      await bench.run('.ingest inline into table S <|three,3')
    })
    expect(await bench.rows('.append T <| S | project a, b')).toMatchObject([{ RowCount: 1n }])
    expect(await bench.stored('T')).toEqual([[3n, 'three']])
  })

  it('is told to be missing, by its name', async () => {
    await bench.run('.create table T (a:long, b:string)')
    meanwhile(() => bench.run('.drop table S'))
    await expect(bench.run('.append T <| S | project a, b')).rejects.toMatchObject({
      status: 400,
      permanent: true,
      message: expect.stringContaining("'S'"),
    })
    expect(await bench.stored('T')).toEqual([])
  })
})

describe('piped commands', () => {
  it('runs the rest as a query over the rows', async () => {
    await bench.run('.create table U (a:long)')
    expect(await bench.run(".show tables | where TableName == 'U' | count")).toEqual({
      columns: [{ name: 'Count', type: 'long' }],
      rows: [[1n]],
    })
    expect((await bench.run('.show materialized-views | count')).rows).toEqual([[0n]])
    const extents = await bench.rows('.show table S extents | project ExtentId, RowCount, MaxCreatedOn, Tags')
    const [whole] = await bench.rows('.show table S extents')
    expect(extents).toEqual([
      { ExtentId: whole?.['ExtentId'], RowCount: 2n, MaxCreatedOn: whole?.['MaxCreatedOn'], Tags: '' },
    ])
  })

  it('moves the extents a piped command lists', async () => {
    await bench.run('.create table D based-on S')
    await bench.run(
      '.move extents to table D <| .show table S extents | where RowCount == 2 | project ExtentId, TableName',
    )
    expect(await bench.stored('D')).toHaveLength(2)
  })
})
