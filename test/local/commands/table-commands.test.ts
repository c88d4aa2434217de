import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openCommandBench, type CommandBench } from './command-bench.ts'

let bench: CommandBench
beforeAll(async () => {
  bench = await openCommandBench()
})
afterAll(() => bench.close())
beforeEach(async () => {
  for (const { name } of bench.services.catalog.tables('db1')) await bench.services.catalog.dropTable('db1', name)
})

const schema = async (table: string): Promise<unknown> =>
  (await bench.rows(`.show table ['${table}'] cslschema`))[0]?.['Schema']

describe('creating tables', () => {
  it('answers with the five columns and the JSON schema', async () => {
    const result = await bench.run(
      ".create table T (a:long, ['my col']:string, f:bool) with (folder='F', docstring='D')",
    )
    expect(result.columns.map(({ name }) => name)).toEqual([
      'TableName',
      'Schema',
      'DatabaseName',
      'Folder',
      'DocString',
    ])
    expect(result.rows).toEqual([
      [
        'T',
        '{"Name":"T","Folder":"F","DocString":"D","OrderedColumns":[{"Name":"a","Type":"System.Int64","CslType":"long"},' +
          '{"Name":"my col","Type":"System.String","CslType":"string"},{"Name":"f","Type":"System.SByte","CslType":"bool"}]}',
        'db1',
        'F',
        'D',
      ],
    ])
  })

  it('succeeds and changes nothing when the table exists with another schema', async () => {
    await bench.run('.create table T (a:long)')
    await bench.run('.create table T (z:guid)')
    expect(await schema('T')).toBe('a:long')
  })

  it('merges columns, and refuses a type conflict in any table of .create-merge tables', async () => {
    await bench.run('.create table T (a:long)')
    await bench.run('.create-merge table T (b:string, a:long)')
    await expect(bench.run('.create-merge tables U (x:int), T (a:string)')).rejects.toMatchObject({ status: 400 })
    expect(await schema('T')).toBe('a:long,b:string')
    expect(bench.services.catalog.table('db1', 'U')).toBeUndefined()
  })

  it('makes .alter table exactly the list and .alter-merge table an addition', async () => {
    await bench.run('.create table T (a:long, b:string)')
    await bench.run('.alter table T (c:int, a:long)')
    expect(await schema('T')).toBe('c:int,a:long')
    await bench.run('.alter-merge table T (d:real)')
    expect(await schema('T')).toBe('c:int,a:long,d:real')
    await expect(bench.run('.alter table Missing (a:long)')).rejects.toMatchObject({
      code: 'BadRequest_EntityNotFound',
    })
  })

  it('copies columns and properties of another table, but no update policy', async () => {
    await bench.run(".create table S (a:long, b:dynamic) with (folder='F')")
    await bench.run('.alter table S policy update \'[{"IsEnabled":false}]\'')
    await bench.run(".alter table S policy retention '{}'")
    await bench.run('.create table T based-on S')
    expect(await schema('T')).toBe('a:long,b:dynamic')
    expect(await bench.rows('.show table T policy update')).toMatchObject([{ Policy: 'null' }])
    expect((await bench.rows('.show table T policy retention'))[0]?.['Policy']).toContain('365000')
    await expect(bench.run('.create table T based-on S')).rejects.toMatchObject({ status: 400 })
    await bench.run('.create table T based-on S ifnotexists')
  })

  it('leaves hidden tables out of listings unless they are asked for', async () => {
    await bench.run('.create table T (a:long)')
    await bench.run('.create table H (a:long) with (hidden=true)')
    const names = async (text: string): Promise<unknown> => (await bench.run(text)).rows.map(([name]) => name)
    expect(await names('.show tables')).toEqual(['T'])
    expect(await names('.show tables details')).toEqual(['T'])
    expect(await names('.show tables with (IncludeHiddenTables=true)')).toEqual(['H', 'T'])
    expect(await names('.show tables (H)')).toEqual(['H'])
  })
})

describe('dropping and renaming', () => {
  it('answers a drop with the tables that remain', async () => {
    await bench.run('.create tables A (a:long), B (a:long)')
    const { columns, rows } = await bench.run('.drop table A')
    expect(columns.map(({ name }) => name)).toEqual(['TableName', 'DatabaseName'])
    expect(rows).toEqual([['B', 'db1']])
  })

  it('finds a missing table an error except with ifexists', async () => {
    await bench.run('.create tables A (a:long), B (a:long)')
    await expect(bench.run('.drop table Missing')).rejects.toMatchObject({
      code: 'BadRequest_EntityNotFound',
      status: 400,
      permanent: true,
    })
    await expect(bench.run('.drop tables (A, Missing)')).rejects.toMatchObject({ code: 'BadRequest_EntityNotFound' })
    expect(bench.services.catalog.table('db1', 'A')).toBeDefined()
    expect((await bench.run('.drop tables (A, Missing) ifexists')).rows).toEqual([['B', 'db1']])
    expect((await bench.run('.drop table Missing ifexists')).rows).toEqual([['B', 'db1']])
  })

  it('swaps two tables and keeps their data', async () => {
    await bench.run('.create tables A (a:long), B (a:long)')
    await bench.run('.ingest inline into table A <| 1')
    await bench.run('.rename tables A=B, B=A')
    expect(await bench.stored('B')).toEqual([[1n]])
    expect(await bench.stored('A')).toEqual([])
  })

  it('renames what exists and skips what does not with ifexists', async () => {
    await bench.run('.create table A (a:long)')
    expect((await bench.run('.rename tables N=A ifexists, M=Missing ifexists')).rows).toEqual([['N', 'db1', '', '']])
    await expect(bench.run('.rename tables X=N, M=Missing')).rejects.toMatchObject({
      code: 'BadRequest_EntityNotFound',
    })
    expect(bench.services.catalog.table('db1', 'N')).toBeDefined()
  })

  it('keeps the data of a renamed column and loses that of a dropped one', async () => {
    await bench.run('.create table T (a:long, b:string)')
    await bench.run('.ingest inline into table T <| 1,x')
    await bench.run(".rename column T.b to ['new b']")
    await bench.run('.drop column T.a')
    expect(await schema('T')).toBe("['new b']:string")
    expect(await bench.stored('T')).toEqual([['x']])
    await bench.run('.drop column T.missing ifexists')
    await expect(bench.run('.drop column T.missing')).rejects.toMatchObject({ code: 'BadRequest_EntityNotFound' })
  })

  it('reads null from a column whose type was altered', async () => {
    await bench.run('.create table T (a:long, b:string)')
    await bench.run('.ingest inline into table T <| 1,x')
    await bench.run(".alter column ['T'].['a'] type=string")
    expect(await schema('T')).toBe('a:string,b:string')
    expect(await bench.stored('T')).toEqual([['', 'x']])
  })

  it('clears the data and keeps the table', async () => {
    await bench.run('.create table T (a:long)')
    await bench.run('.ingest inline into table T <| 1')
    await bench.run('.clear table T data')
    expect(await bench.stored('T')).toEqual([])
    expect(await bench.rows('.show table T details')).toMatchObject([{ TotalRowCount: 0n, TotalExtents: 0n }])
  })
})

describe('refusals', () => {
  it.each([
    ['.create table T (a:long) with (nope=1)', 'BadRequest_NotSupportedByEmulator'],
    ['.create table T (a:long) junk', 'BadRequest_NotSupportedByEmulator'],
    ['.show tables junk', 'BadRequest_NotSupportedByEmulator'],
    ['.undo drop table T version="v1.0"', 'BadRequest_NotSupportedByEmulator'],
    ['.show table T schema', 'BadRequest_SyntaxError'],
    ['.create function F() { 1 }', 'BadRequest_NotSupportedByEmulator'],
    ['.purge table T records in database db1 <| where a == 1', 'BadRequest_NotSupportedByEmulator'],
    ['.show diagnostics', 'BadRequest_NotSupportedByEmulator'],
    ['.show table Missing details', 'BadRequest_EntityNotFound'],
    ['.show database nope schema', 'BadRequest_DatabaseNotExist'],
    ['print 1', 'BadRequest_SyntaxError'],
  ])('answers %s with %s', async (text, code) => {
    await expect(bench.run(text)).rejects.toMatchObject({ code, status: 400 })
  })

  it('knows no database but its own', async () => {
    await expect(bench.run('.show tables', { database: 'nope' })).rejects.toMatchObject({
      code: 'BadRequest_DatabaseNotExist',
    })
    expect((await bench.run('.show version', { database: 'nope' })).rows).toHaveLength(1)
    expect((await bench.run('.show tables', { database: 'NetDefaultDB' })).rows).toEqual([])
  })
})
