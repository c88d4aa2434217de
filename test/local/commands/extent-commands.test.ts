import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openCommandBench, operationEnd, type CommandBench } from './command-bench.ts'

let bench: CommandBench
beforeAll(async () => {
  bench = await openCommandBench()
})
afterAll(() => bench.close())
beforeEach(async () => {
  const { catalog, duck } = bench.services
  for (const { name } of catalog.tables('db1')) await catalog.dropTable('db1', name)
  const columns = [
    { name: 'a', type: 'long' },
    { name: 'b', type: 'string' },
  ] as const
  const source = await catalog.createTable('db1', { name: 'S', columns })
  await catalog.createTable('db1', { name: 'D', columns: [{ name: 'extra', type: 'string' }, ...columns] })
  const session = await duck.connect()
  await catalog.ingest(session, [
    {
      table: source,
      select: "SELECT 1, 'one'",
      tags: ['drop-by:x', 'ingest-by:1'],
      creationTicks: 638_000_000_000_000_000n,
    },
    { table: source, select: "SELECT 2, 'two'", tags: ['y'] },
  ])
  session.close()
})

const extentIds = async (text: string): Promise<unknown[]> => (await bench.run(text)).rows.map(([id]) => id)

describe('showing extents', () => {
  it('gives tags with any character, also of a piped command', async () => {
    const tag = 'it\'s "a" \0 b'
    const { catalog, duck } = bench.services
    const session = await duck.connect()
    await catalog.ingest(session, [{ table: catalog.requireTable('db1', 'S'), select: "SELECT 3, ''", tags: [tag] }])
    session.close()
    expect((await bench.rows('.show table S extents')).at(-1)).toMatchObject({ Tags: tag })
    expect(await bench.rows('.show table S extents | where Tags contains "it" | project Tags')).toEqual([{ Tags: tag }])
  })

  it('gives rows, tags and times of each', async () => {
    const rows = await bench.rows('.show table S extents')
    expect(rows).toMatchObject([
      {
        TableName: 'S',
        DatabaseName: 'db1',
        RowCount: 1n,
        Tags: 'drop-by:x\r\ningest-by:1',
        MaxCreatedOn: 638_000_000_000_000_000n,
      },
      { TableName: 'S', RowCount: 1n, Tags: 'y' },
    ])
    expect(await extentIds('.show database extents')).toEqual(rows.map((row) => row['ExtentId']))
    expect(await extentIds(`.show table S extents (${String(rows[1]?.['ExtentId'])})`)).toEqual([rows[1]?.['ExtentId']])
  })

  it('filters by tags: has is the whole tag, contains a part in any case', async () => {
    expect(await extentIds(".show table S extents where tags has 'drop-by'")).toEqual([])
    expect(await extentIds(".show table S extents where tags has 'drop-by:x'")).toHaveLength(1)
    expect(await extentIds(".show tables (S, D) extents where tags contains 'DROP-BY' and tags !has 'y'")).toHaveLength(
      1,
    )
  })
})

describe('moving extents', () => {
  it('moves rows, tags and times into a table with more columns, under new ids', async () => {
    const before = await extentIds('.show table S extents')
    const { columns, rows } = await bench.run('.move extents all from table S to table D')
    expect(columns.map(({ name }) => name)).toEqual(['OriginalExtentId', 'ResultExtentId', 'Details'])
    expect(rows.map(([original]) => original)).toEqual(before)
    expect(await extentIds('.show table D extents')).toEqual(rows.map(([, result]) => result))
    expect(await bench.stored('S')).toEqual([])
    expect(await bench.stored('D')).toEqual([
      ['', 1n, 'one'],
      ['', 2n, 'two'],
    ])
    expect(await bench.rows('.show table D extents')).toMatchObject([
      { Tags: 'drop-by:x\r\ningest-by:1', MaxCreatedOn: 638_000_000_000_000_000n },
      { Tags: 'y' },
    ])
  })

  it('moves nothing when a column has no counterpart or an extent is not there', async () => {
    await bench.run('.drop column D.b')
    await expect(bench.run('.move extents all from table S to table D')).rejects.toMatchObject({ status: 400 })
    const [first] = await extentIds('.show table S extents')
    const missing = '11111111-2222-3333-4444-555555555555'
    await expect(
      bench.run(`.move extents from table S to table D (${String(first)}, ${missing})`),
    ).rejects.toMatchObject({ code: 'BadRequest_EntityNotFound' })
    expect(await bench.stored('S')).toHaveLength(2)
  })

  it('moves the extents that a .show command lists, and by creation time', async () => {
    await bench.run(".move extents to table D <| .show table S extents where tags has 'y'")
    expect(await bench.stored('D')).toEqual([['', 2n, 'two']])
    const ids = await extentIds('.show table S extents')
    const early =
      '.move extents from table S to table D with (extentCreatedOnFrom=datetime(2000-01-01), extentCreatedOnTo=datetime(2000-01-02))'
    expect((await bench.run(`${early} (${ids.join()})`)).rows).toEqual([])
    expect(await bench.stored('S')).toHaveLength(1)
  })

  it('runs as an operation whose details are the rows', async () => {
    const started = await bench.run('.move async extents all from table S to table D with (setNewIngestionTime=true)')
    expect(started.columns).toEqual([{ name: 'OperationId', type: 'guid' }])
    expect(await operationEnd(bench, started)).toMatchObject({ State: 'Completed', Operation: 'ExtentsMove' })
    expect((await bench.run(`.show operation ${String(started.rows[0]?.[0])} details`)).rows).toHaveLength(2)
  })
})

describe('replacing, dropping and tagging', () => {
  it('replaces in one transaction', async () => {
    await bench.run(".move extents to table D <| .show table S extents where tags has 'y'")
    const { rows } = await bench.run('.replace extents in table D <| {.show table D extents}, {.show table S extents}')
    expect(rows.map(([, result]) => result === '')).toEqual([true, false])
    expect(await bench.stored('D')).toEqual([['', 1n, 'one']])
    expect(await bench.stored('S')).toEqual([])
  })

  it('drops nothing when what replaces it cannot move', async () => {
    await bench.run(".move extents to table D <| .show table S extents where tags has 'y'")
    await bench.run('.alter-merge table S (only_here:int)')
    const replace = bench.run('.replace extents in table D <| {.show table D extents}, {.show table S extents}')
    await expect(replace).rejects.toMatchObject({ status: 400 })
    expect(await bench.stored('D')).toHaveLength(1)
    expect(await bench.stored('S')).toHaveLength(1)
  })

  it('drops by id, by age, by query, and only tells with whatif', async () => {
    expect((await bench.run('.drop extents whatif <| .show table S extents')).rows).toHaveLength(2)
    expect(await bench.stored('S')).toHaveLength(2)
    expect(await bench.rows('.drop extents older 30 days from S')).toMatchObject([
      { TableName: 'S', CreatedOn: 638_000_000_000_000_000n },
    ])
    expect(await bench.stored('S')).toEqual([[2n, 'two']])
    const [id] = await extentIds('.show table S extents')
    expect((await bench.run(`.drop extent ${String(id)} from S`)).rows).toHaveLength(1)
    expect(await bench.stored('S')).toEqual([])
  })

  it('replaces, adds and drops tags, each time under new ids', async () => {
    const before = await extentIds('.show table S extents')
    await bench.run(".alter-merge table S extent tags ('z') <| .show table S extents where tags has 'y'")
    await bench.run(".alter table S extent tags ('only') <| .show table S extents where tags has 'drop-by:x'")
    expect((await bench.rows('.show table S extents')).map((row) => row['Tags'])).toEqual(['only', 'y\r\nz'])
    const dropped = await bench.rows(".drop table S extent tags ('y', 'nowhere')")
    expect(dropped).toMatchObject([{ ResultExtentTags: 'z' }])
    expect(await extentIds('.show table S extents')).not.toContain(before[1])
    await bench.run('.drop async table S extent tags <| .show table S extents')
  })
})
