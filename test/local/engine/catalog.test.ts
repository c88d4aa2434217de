import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { openCatalog, type Catalog, type SchemaListener } from '../../../src/local/engine/catalog.ts'
import { findTable, withTables } from '../../../src/local/engine/catalog-state.ts'
import { openDuck, type Duck, type DuckSession } from '../../../src/local/engine/duck.ts'
import { readExtents } from '../../../src/local/engine/extents.ts'
import { alterColumnType, dropColumns, renameColumn, renameTables } from '../../../src/local/engine/table-edits.ts'

interface Bench {
  readonly duck: Duck
  readonly catalog: Catalog
  readonly session: DuckSession
  readonly schemas: Parameters<SchemaListener['setDatabases']>[0][]
}

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function open(path?: string): Promise<Bench> {
  const duck = await openDuck(path === undefined ? {} : { path })
  closers.push(() => duck.close())
  const schemas: Bench['schemas'] = []
  const catalog = await openCatalog(duck, { database: 'db1', language: { setDatabases: (s) => schemas.push(s) } })
  return { duck, catalog, session: await duck.connect(), schemas }
}

const AB = [
  { name: 'a', type: 'long' },
  { name: 'b', type: 'string' },
] as const

async function rowsOf({ catalog, session }: Bench, name: string): Promise<readonly (readonly unknown[])[]> {
  const table = catalog.requireTable('db1', name)
  const columns = table.columns.map(({ physical }) => physical)
  return session.rows(`SELECT ${columns.join(', ')} FROM ${table.physical} ORDER BY ALL`)
}

describe('tables', () => {
  it('keeps names apart that differ in case only, for tables and for columns', async () => {
    const bench = await open()
    await bench.catalog.createTable('db1', {
      name: 'T',
      columns: [
        { name: 'a', type: 'long' },
        { name: 'A', type: 'int' },
      ],
    })
    await bench.catalog.createTable('db1', { name: 't', columns: AB })
    expect(bench.catalog.table('db1', 'T')?.columns.map(({ name, type }) => `${name}:${type}`)).toEqual([
      'a:long',
      'A:int',
    ])
    expect(bench.catalog.table('DB1', 't')?.columns).toHaveLength(2)
    expect(bench.schemas.at(-1)?.[0]?.tables.map(({ name }) => name)).toEqual(['T', 't'])
  })

  it('leaves a table that exists as it is when it is created again with another schema', async () => {
    const bench = await open()
    const first = await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    const again = await bench.catalog.createTable('db1', { name: 'T', columns: [{ name: 'z', type: 'guid' }] })
    expect(again).toEqual(first)
  })

  it('appends missing columns and refuses another type without changing anything', async () => {
    const bench = await open()
    await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    await bench.catalog.createMergeTable('db1', { name: 'T', columns: [{ name: 'c', type: 'string' }, ...AB] })
    const conflict = bench.catalog.createMergeTable('db1', {
      name: 'T',
      columns: [
        { name: 'd', type: 'int' },
        { name: 'a', type: 'string' },
      ],
    })
    await expect(conflict).rejects.toMatchObject({ status: 400, message: expect.stringContaining("'a'") })
    expect(bench.catalog.table('db1', 'T')?.columns.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })

  it('gives old rows empty text, not null, in a string column that is added', async () => {
    const bench = await open()
    const table = await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    await bench.catalog.ingest(bench.session, [{ table, select: "SELECT 1, NULL UNION ALL SELECT NULL, 'x'" }])
    await bench.catalog.createMergeTable('db1', {
      name: 'T',
      columns: [
        { name: 's', type: 'string' },
        { name: 'n', type: 'int' },
      ],
    })
    expect(await rowsOf(bench, 'T')).toEqual([
      [1n, '', '', null],
      [null, 'x', '', null],
    ])
  })

  it('keeps the data of renamed columns and swapped tables', async () => {
    const bench = await open()
    const one = await bench.catalog.createTable('db1', { name: 'One', columns: AB })
    const two = await bench.catalog.createTable('db1', { name: 'Two', columns: AB })
    await bench.catalog.ingest(bench.session, [
      { table: one, select: "SELECT 1, 'one'" },
      { table: two, select: "SELECT 2, 'two'" },
    ])
    await bench.catalog.change((state) => {
      const tables = [...state.tables.values()]
      return renameTables(
        state,
        tables.map((table) => ({ table, to: table.name === 'One' ? 'Two' : 'One' })),
      )
    })
    await bench.catalog.change((state) => renameColumn(state, one.id, 'b', 'text'))
    expect(await rowsOf(bench, 'Two')).toEqual([[1n, 'one']])
    expect(await rowsOf(bench, 'One')).toEqual([[2n, 'two']])
    expect(bench.catalog.table('db1', 'Two')?.columns[1]?.name).toBe('text')
  })

  it('reads null for ever from a column whose type was changed, and back', async () => {
    const bench = await open()
    const table = await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    await bench.catalog.ingest(bench.session, [{ table, select: "SELECT 1, 'x'" }])
    await bench.catalog.change((state) => alterColumnType(state, table.id, 'a', 'int'))
    await bench.catalog.change((state) => alterColumnType(state, table.id, 'a', 'long'))
    expect(await rowsOf(bench, 'T')).toEqual([[null, 'x']])
  })

  it('refuses to rename a table to a name that is taken', async () => {
    const bench = await open()
    await bench.catalog.createTable('db1', { name: 'One', columns: AB })
    await bench.catalog.createTable('db1', { name: 'Two', columns: AB })
    const rename = bench.catalog.change((state) => {
      const table = findTable(state, 1, 'One')
      return renameTables(state, [{ table: table!, to: 'Two' }])
    })
    await expect(rename).rejects.toMatchObject({ code: 'BadRequest_EntityNameAlreadyExists' })
  })
})

describe('extents', () => {
  it('makes one extent per request, counts its rows and measures its bytes', async () => {
    const bench = await open()
    const table = await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    const [outcome] = await bench.catalog.ingest(bench.session, [
      { table, select: "SELECT unnest([1, 2]), 'aé'", tags: ['drop-by:x', 'drop-by:x'], creationTicks: 42n },
    ])
    expect(outcome).toMatchObject({ rowCount: 2, size: 2 * (8 + 3), skipped: false })
    expect(await readExtents(bench.session, {})).toMatchObject([
      { extentId: outcome?.extentId, rowCount: 2n, createdMin: 42n, createdMax: 42n, tags: ['drop-by:x'] },
    ])
  })

  it('makes no extent of no rows', async () => {
    const bench = await open()
    const table = await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    const [outcome] = await bench.catalog.ingest(bench.session, [{ table, select: "SELECT 1, 'x' WHERE false" }])
    expect(outcome).toMatchObject({ extentId: '00000000-0000-0000-0000-000000000000', rowCount: 0, skipped: false })
    expect(await readExtents(bench.session, {})).toEqual([])
  })

  it('shows nothing of a transaction in which a later request fails', async () => {
    const bench = await open()
    const table = await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    const failing = bench.catalog.ingest(bench.session, [
      { table, select: "SELECT 1, 'x'" },
      { table, select: "SELECT 'not a number', 'x'" },
    ])
    await expect(failing).rejects.toThrow('Conversion')
    expect(await rowsOf(bench, 'T')).toEqual([])
    expect(await readExtents(bench.session, {})).toEqual([])
  })

  it('lets exactly one of many concurrent ingests with the same ingest-by tag through', async () => {
    const bench = await open()
    const table = await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const session = await bench.duck.connect()
        const [outcome] = await bench.catalog.ingest(session, [
          { table, select: `SELECT ${index}, 'x'`, tags: ['ingest-by:once'], ingestIfNotExists: ['once'] },
        ])
        return outcome
      }),
    )
    expect(outcomes.filter((outcome) => outcome?.skipped === false)).toHaveLength(1)
    expect(await rowsOf(bench, 'T')).toHaveLength(1)
  })

  it('replaces all data of a table at once', async () => {
    const bench = await open()
    const table = await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    await bench.catalog.ingest(bench.session, [{ table, select: "SELECT 1, 'old'" }])
    await bench.catalog.ingest(bench.session, [{ table, select: "SELECT 2, 'new'", replace: true }])
    expect(await rowsOf(bench, 'T')).toEqual([[2n, 'new']])
    expect(await readExtents(bench.session, {})).toHaveLength(1)
  })

  it('replaces a table by a query over the same table', async () => {
    const bench = await open()
    const table = await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    await bench.catalog.ingest(bench.session, [{ table, select: "SELECT unnest([1, 2]), 'x'" }])
    const [a, b] = table.columns.map(({ physical }) => physical)
    const select = `SELECT ${a} * 10, ${b} FROM ${table.physical} WHERE ${a} = 2`
    await bench.catalog.ingest(bench.session, [{ table, select, replace: true }])
    expect(await rowsOf(bench, 'T')).toEqual([[20n, 'x']])
  })

  it('refuses a creation time that retention would delete at once', async () => {
    const bench = await open()
    const table = await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    await bench.catalog.change((state) => {
      const record = state.tables.get(table.id)!
      return withTables(state, [{ ...record, policies: { retention: '{"SoftDeletePeriod":"10.00:00:00"}' } }])
    })
    const old = bench.catalog.ingest(bench.session, [{ table, select: "SELECT 1, 'x'", creationTicks: 1n }])
    await expect(old).rejects.toMatchObject({ code: 'BadRequest_CreationTimeEarlierThanSoftDeletePeriod' })
    expect(await rowsOf(bench, 'T')).toEqual([])
  })

  it('refuses an ingest that was prepared for columns the table no longer has', async () => {
    const bench = await open()
    const table = await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    await bench.catalog.change((state) => dropColumns(state, table.id, ['a']))
    await expect(bench.catalog.ingest(bench.session, [{ table, select: "SELECT 1, 'x'" }])).rejects.toMatchObject({
      code: 'General_Conflict',
      permanent: false,
    })
  })
})

describe('concurrency', () => {
  it('lets a query end on the table it was planned for while the table is dropped', async () => {
    const bench = await open()
    const table = await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    await bench.catalog.ingest(bench.session, [{ table, select: "SELECT 1, 'x'" }])
    const reader = await bench.duck.connect()
    const physical = await bench.catalog.read(reader, async () => bench.catalog.requireTable('db1', 'T').physical)
    expect(await bench.catalog.dropTable('db1', 'T')).toBe(true)
    expect(await reader.rows(`SELECT count(*) FROM ${physical}`)).toEqual([[1n]])
  })

  it('plans again when the schema changes while a plan is made', async () => {
    const bench = await open()
    await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    const reader = await bench.duck.connect()
    let plans = 0
    const columns = await bench.catalog.read(reader, async () => {
      const { columns } = bench.catalog.requireTable('db1', 'T')
      plans++
      if (plans === 1) await bench.catalog.createMergeTable('db1', { name: 'T', columns: [{ name: 'c', type: 'int' }] })
      return columns.map(({ name }) => name)
    })
    expect({ plans, columns }).toEqual({ plans: 2, columns: ['a', 'b', 'c'] })
  })

  it('survives schema changes and ingests that run at the same time', async () => {
    const bench = await open()
    await bench.catalog.createTable('db1', { name: 'T', columns: AB })
    const ingests = Array.from({ length: 10 }, async () => {
      const session = await bench.duck.connect()
      for (;;) {
        const table = bench.catalog.requireTable('db1', 'T')
        const select = `SELECT ${table.columns.map(({ type }) => (type === 'string' ? "'x'" : '1')).join(', ')}`
        try {
          await bench.catalog.ingest(session, [{ table, select }])
          return
        } catch (error) {
          expect(error).toMatchObject({ code: 'General_Conflict' })
        }
      }
    })
    const changes = Array.from({ length: 5 }, (_, index) =>
      bench.catalog.createMergeTable('db1', { name: 'T', columns: [{ name: `n${index}`, type: 'int' }] }),
    )
    await Promise.all([...ingests, ...changes])
    expect(await rowsOf(bench, 'T')).toHaveLength(10)
    expect(bench.catalog.requireTable('db1', 'T').columns).toHaveLength(7)
  })
})

describe('a data folder', () => {
  it('has tables, data, extents and free ids again after a restart', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'catalog-'))
    closers.push(() => rm(folder, { recursive: true, force: true }))
    const path = join(folder, 'kusto.duckdb')
    const first = await open(path)
    const table = await first.catalog.createTable('db1', { name: 'T', columns: AB, hidden: true, folder: "o'f" })
    await first.catalog.ingest(first.session, [{ table, select: "SELECT 1, 'x'", tags: ["it's"] }])
    await first.session.run(`BEGIN TRANSACTION; INSERT INTO ${table.physical} SELECT 9, 'lost', 9`)
    await first.duck.close()

    const second = await open(path)
    expect(second.catalog.table('db1', 'T')).toEqual(table)
    expect(second.schemas).toHaveLength(1)
    expect(await rowsOf(second, 'T')).toEqual([[1n, 'x']])
    await second.catalog.ingest(second.session, [{ table, select: "SELECT 2, 'y'" }])
    const extents = await readExtents(second.session, {})
    expect(extents.map(({ tags }) => tags)).toEqual([["it's"], []])
    expect(new Set(extents.map(({ ordinal }) => ordinal)).size).toBe(2)
    expect((await second.catalog.createTable('db1', { name: 'U', columns: AB })).id).toBeGreaterThan(table.id)
  })
})
