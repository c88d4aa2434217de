import { Field, Int32, Int64, Schema, Table, Utf8, tableFromArrays, vectorFromArray } from 'apache-arrow'
import type { RecordBatch } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector, KustoServiceError, KustoUsageError, col, kql } from '../../src/index.ts'
import type { ReadEvent, WriteEvent } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { canonicalTable } from './canonical.ts'

let local: LocalKusto
let kusto: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
  await load('Numbers', numbers(0, 20_000))
})

afterAll(async () => {
  await kusto.close()
  await local.close()
})

function numbers(start: number, rows: number): Table {
  return tableFromArrays({
    n: Int32Array.from({ length: rows }, (_, i) => start + i),
    text: Array.from({ length: rows }, (_, i) => `row ${start + i}`),
  })
}

async function load(table: string, data: Table): Promise<void> {
  const receipt = await kusto.write(table, data, { create: 'CreateIfNotExist', flushImmediately: true })
  await receipt.completed({ timeoutMs: 60_000 })
}

const sortedNumbers = (table: Table): readonly number[] =>
  [...(table.getChild('n')!.toArray() as Int32Array)].sort((a, b) => a - b)

describe('reading', () => {
  it('gives every row of a table once, in each mode', async () => {
    for (const mode of ['auto', 'single', 'distributed'] as const) {
      const table = await kusto.read('Numbers', { mode }).table()
      expect(sortedNumbers(table)).toEqual(Array.from({ length: 20_000 }, (_, i) => i))
    }
  })

  it('switches from auto to an export when the result passes the limits, and delivers nothing twice', async () => {
    const events: ReadEvent[] = []
    const read = kusto.read('Numbers', {
      properties: { truncationmaxrecords: 5000 },
      onEvent: (event) => events.push(event),
    })
    expect(sortedNumbers(await read.table())).toEqual(Array.from({ length: 20_000 }, (_, i) => i))
    const modes = events.filter((event) => event.kind === 'mode')
    expect(modes).toEqual([
      { kind: 'mode', mode: 'distributed', reason: expect.stringMatching(/one query does not carry/) },
    ])
    expect(events.some((event) => event.kind === 'export-finished' && event.rows === 20_000)).toBe(true)
  })

  it('reports the limit as a typed error when one query was asked for', async () => {
    const read = kusto.read('Numbers', { mode: 'single', properties: { truncationmaxrecords: 5000 } })
    await expect(read.table()).rejects.toBeInstanceOf(KustoServiceError)
  })

  it('answers a syntax error and an unknown table with an error, not with an export', async () => {
    const events: ReadEvent[] = []
    const onEvent = (event: ReadEvent): number => events.push(event)
    await expect(kusto.read(kql`Numbers | wher n > 1`, { onEvent }).table()).rejects.toMatchObject({
      status: 400,
      retryable: false,
    })
    await expect(kusto.read('NoSuchTable', { onEvent }).table()).rejects.toThrow(/NoSuchTable/)
    expect(events.filter((event) => event.kind !== 'mode')).toEqual([])
  })

  it('gives a schema and no rows for an empty result, in each mode', async () => {
    for (const mode of ['auto', 'single', 'distributed'] as const) {
      const table = await kusto.read(kql`Numbers | where n < 0`, { mode }).table()
      expect([table.numRows, table.schema.fields.map((field) => field.name)]).toEqual([0, ['n', 'text']])
    }
  })

  it('binds values of a template, whatever is in them, in each mode', async () => {
    const nasty = `it's "quoted" \\ and\n🚀 | take 1`
    for (const mode of ['single', 'distributed'] as const) {
      const table = await kusto
        .read(kql`print text = ${nasty}, n = ${2n ** 62n + 1n}, yes = ${true}, at = ${new Date(1)}`, { mode })
        .table()
      expect(canonicalTable(table)).toEqual({ text: [nasty], n: ['4611686018427387905'], yes: ['true'], at: ['1000'] })
    }
  })

  it('pushes verbs down in each mode', async () => {
    for (const mode of ['single', 'distributed'] as const) {
      const read = kusto
        .read('Numbers', { mode })
        .where(col('n').ge(100).and(col('n').lt(110)).and(col('text').endsWith('5')))
        .select('text', 'n')
      expect(await read.count()).toBe(1)
      expect(canonicalTable(await read.table())).toEqual({ text: ['row 105'], n: ['105'] })
    }
    expect((await kusto.read('Numbers').limit(7).table()).numRows).toBe(7)
  })

  it('shares an export out over partitions, each with the rows it says', async () => {
    const events: ReadEvent[] = []
    await using partitions = await kusto
      .read('Numbers', { partitions: 3, workers: 2, onEvent: (event) => events.push(event) })
      .partitions()
    expect([partitions.length, partitions.rows]).toEqual([3, 20_000])
    const batches: RecordBatch[] = []
    for (const part of partitions) {
      let rows = 0
      for await (const batch of part) {
        rows += batch.numRows
        batches.push(batch)
      }
      expect(rows).toBe(part.rows)
    }
    expect(sortedNumbers(new Table(batches))).toEqual(Array.from({ length: 20_000 }, (_, i) => i))
    await partitions.release()
    expect(events.at(-1)).toMatchObject({ kind: 'blobs-removed', failed: 0 })
    expect(events.filter((event) => event.kind === 'blobs-removed' && event.removed > 0)).toHaveLength(1)
  })

  it('removes the exported blobs when the loop is left early', async () => {
    const events: ReadEvent[] = []
    for await (const batch of kusto.read('Numbers', { mode: 'distributed', onEvent: (event) => events.push(event) })) {
      expect(batch.numRows).toBeGreaterThan(0)
      break
    }
    expect(events.at(-1)).toMatchObject({ kind: 'blobs-removed', failed: 0 })
  })

  it('stops within a second when aborted', async () => {
    const stop = new AbortController()
    const reading = kusto
      .read(kql`range x from 1 to 400000000 step 1 | summarize dcount(tostring(x))`, {
        mode: 'single',
        signal: stop.signal,
      })
      .table()
    setTimeout(() => stop.abort(new Error('enough')), 100)
    const startedAt = performance.now()
    await expect(reading).rejects.toThrow('enough')
    expect(performance.now() - startedAt).toBeLessThan(1500)
  })

  it('refuses text that is a query where a table name is meant', () => {
    expect(() => kusto.read('Numbers | take 1')).toThrow(/write it as kql/)
  })

  it('refuses unknown options and values out of range', () => {
    expect(() => kusto.read('Numbers', { mod: 'single' } as never)).toThrow(/expected options among .*mode.*found mod/)
    expect(() => kusto.read('Numbers', { partitions: 0 })).toThrow(/partitions.*found 0/)
  })

  it('sends queries and commands as they are', async () => {
    expect(canonicalTable(await kusto.query('print a = 1; // end').table())).toEqual({ a: ['1'] })
    const tables = await kusto.command('.show tables | project TableName | where TableName == "Numbers"').table()
    expect(canonicalTable(tables)).toEqual({ TableName: ['Numbers'] })
    expect((await kusto.command('.show tables').rows()).rows.map((row) => row.text('TableName'))).toContain('Numbers')
  })
})

describe('writing', () => {
  it('creates a table from the Arrow schema only when asked', async () => {
    await expect(kusto.write('Absent', numbers(0, 1))).rejects.toMatchObject({ code: 'KUSTO_TABLE_NOT_FOUND' })
    const events: WriteEvent[] = []
    const receipt = await kusto.write('Created', numbers(0, 3), {
      create: 'CreateIfNotExist',
      onEvent: (event) => events.push(event),
    })
    await receipt.completed({ timeoutMs: 60_000 })
    expect([receipt.created, receipt.rows, receipt.blobs.length]).toEqual([true, 3, 1])
    expect(events.map((event) => event.kind)).toEqual([
      'table-created',
      'schema-planned',
      'format',
      'blob-encoded',
      'blob-uploaded',
      'blobs-queued',
    ])
  })

  it('appends by column name, in any order, and leaves missing columns empty', async () => {
    await load('Wide', tableFromArrays({ a: Int32Array.of(1), b: ['x'], c: Float64Array.of(0.5) }))
    for (const format of ['csv', 'parquet'] as const) {
      const receipt = await kusto.write('Wide', tableFromArrays({ c: Float64Array.of(2), a: Int32Array.of(2) }), {
        format,
        flushImmediately: true,
      })
      await receipt.completed({ timeoutMs: 60_000 })
    }
    const table = await kusto.read(kql`Wide | sort by a asc`).table()
    expect(canonicalTable(table)).toEqual({ a: ['1', '2', '2'], b: ['x', '', ''], c: ['0.5', '2', '2'] })
  })

  it('widens int to long as the table has it', async () => {
    await load(
      'Longs',
      new Table(new Schema([new Field('n', new Int64(), true)]), { n: vectorFromArray([1n], new Int64()) }),
    )
    await load('Longs', new Table({ n: vectorFromArray([2], new Int32()) }))
    expect(canonicalTable(await kusto.read(kql`Longs | sort by n asc`).table())).toEqual({ n: ['1', '2'] })
  })

  it('refuses a wrong type before anything is sent, and says what the table has', async () => {
    const wrong = new Table({ n: vectorFromArray(['one'], new Utf8()) })
    await expect(kusto.write('Numbers', wrong)).rejects.toThrow(/column n: the table has int, found string/)
    await expect(kusto.write('Numbers', tableFromArrays({ N: Int32Array.of(1) }))).rejects.toThrow(/case-sensitive/)
  })

  it('gives a receipt that another process can go on checking, without a secret in it', async () => {
    const receipt = await kusto.write('Numbers2', numbers(0, 10), { create: 'CreateIfNotExist' })
    const text = JSON.stringify(receipt)
    expect(text).not.toMatch(/sig=|sv=|SharedKey/i)
    await using other = new KustoConnector({ cluster: local.cluster, database: local.database })
    const again = await other.receipt(JSON.parse(text)).completed({ timeoutMs: 60_000 })
    expect((await again.status()).map(({ state }) => state)).toEqual(['Succeeded'])
    expect(await other.read('Numbers2').count()).toBe(10)
  })

  it('goes through the storage queue and its status table as well', async () => {
    await using queue = new KustoConnector({ cluster: local.cluster, database: local.database, ingestion: 'queue' })
    const receipt = await queue.write('Queued', numbers(0, 1000), {
      create: 'CreateIfNotExist',
      format: 'csv',
      flushImmediately: true,
    })
    expect(receipt.toJSON().via).toBe('queue')
    await receipt.completed({ timeoutMs: 60_000 })
    expect(await queue.read('Queued').count()).toBe(1000)
  })

  it('cuts large input into blobs and loses no row', async () => {
    const receipt = await kusto.write('Cut', numbers(0, 50_000), {
      create: 'CreateIfNotExist',
      maxBlobBytes: 200_000,
      flushImmediately: true,
    })
    expect(receipt.blobs.length).toBeGreaterThan(3)
    await receipt.completed({ timeoutMs: 60_000 })
    expect(sortedNumbers(await kusto.read('Cut').table())).toEqual(Array.from({ length: 50_000 }, (_, i) => i))
  })

  it('writes nothing, and says so, for a source without rows', async () => {
    const receipt = await kusto.write('Empty', numbers(0, 1).slice(0, 0), { create: 'CreateIfNotExist' })
    await receipt.completed()
    expect([receipt.rows, receipt.blobs]).toEqual([0, []])
    expect(await kusto.read('Empty').count()).toBe(0)
  })

  it('takes rows as plain objects', async () => {
    const receipt = await kusto.write(
      'Rows',
      [
        { id: 1, name: 'a', at: new Date(0) },
        { id: 2, name: null, at: null },
      ],
      { create: 'CreateIfNotExist', flushImmediately: true },
    )
    await receipt.completed({ timeoutMs: 60_000 })
    expect(canonicalTable(await kusto.read(kql`Rows | sort by id asc`).table())).toEqual({
      id: ['1', '2'],
      name: ['a', ''],
      at: ['0', null],
    })
  })

  it('is skipped by the service when a tag says that the rows are there', async () => {
    const options = {
      create: 'CreateIfNotExist',
      flushImmediately: true,
      ingestByTags: ['batch-7'],
      ingestIfNotExists: ['batch-7'],
    } as const
    for (let attempt = 0; attempt < 2; attempt++) {
      await (await kusto.write('Once', numbers(0, 5), options)).completed({ timeoutMs: 60_000 })
    }
    expect(await kusto.read('Once').count()).toBe(5)
  })
})

describe('connecting', () => {
  it('never sends a credential to this machine unless told to', async () => {
    let asked = 0
    const credential = (): string => {
      asked++
      return 'token'
    }
    await using careful = new KustoConnector({ cluster: local.cluster, database: local.database, credential })
    await expect(careful.read('Numbers').count()).rejects.toMatchObject({ code: 'KUSTO_TOKEN_TO_LOOPBACK' })
    expect(asked).toBe(0)
    await using told = new KustoConnector({
      cluster: local.cluster,
      database: local.database,
      credential,
      allowTokenToLoopback: true,
    })
    expect(await told.read('Numbers').count()).toBe(20_000)
    expect(asked).toBeGreaterThan(0)
  })

  it('takes a connection string', async () => {
    await using connected = new KustoConnector({
      connectionString: `Data Source=${local.cluster};Initial Catalog=${local.database}`,
    })
    expect(await connected.read('Numbers').count()).toBe(20_000)
  })

  it('asks for what is missing', () => {
    expect(() => new KustoConnector({ database: 'db' })).toThrow(KustoUsageError)
    expect(() => new KustoConnector({ cluster: 'https://help.kusto.windows.net' })).toThrow(/expected a database/)
    expect(
      () => new KustoConnector({ cluster: 'https://help.kusto.windows.net', database: 'db', databse: 'x' } as never),
    ).toThrow(/found databse/)
  })
})

describe('dynamic values', () => {
  it('are the same in both modes, whatever kind of JSON they are', async () => {
    const query = kql`datatable(id:int, v:dynamic)[
      1, dynamic("text"), 2, dynamic(""), 3, dynamic("[1]"), 4, dynamic({"a":1}), 5, dynamic([1,"x"]), 6, dynamic(1.5), 7, dynamic(true), 8, dynamic(null), 9, dynamic("{no")
    ] | sort by id asc`
    const [single, distributed] = await Promise.all(
      (['single', 'distributed'] as const).map(async (mode) =>
        canonicalTable(await kusto.read(query, { mode }).table()),
      ),
    )
    expect(single!['v']).toEqual(['"text"', null, '[1]', '{"a":1}', '[1,"x"]', '1.5', 'true', null, '"{no"'])
    expect(distributed).toEqual(single)
  })
})

describe('dictionary columns', () => {
  it.each(['single', 'distributed'] as const)('are the same by name and by sampling in %s mode', async (mode) => {
    const cities = tableFromArrays({
      city: Array.from({ length: 3000 }, (_, i) => ['Oslo', 'Rome', 'Lima'][i % 3]!),
      id: Array.from({ length: 3000 }, (_, i) => `id ${i}`),
    })
    if (mode === 'single') await load('Cities', cities)
    for (const dictionary of [['city'], 'auto'] as const) {
      const table = await kusto.read('Cities', { mode, types: { dictionary } }).table()
      expect(table.schema.fields.map((field) => String(field.type))).toEqual(['Dictionary<Int32, Utf8>', 'Utf8'])
      const seen = [...table.getChild('city')!].map(String)
      expect(['Oslo', 'Rome', 'Lima'].map((city) => seen.filter((text) => text === city).length)).toEqual([
        1000, 1000, 1000,
      ])
    }
  })
})
