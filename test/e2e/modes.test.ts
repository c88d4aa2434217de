import { DataType, Field, Int64, Schema, Table, Timestamp, TimeUnit, tableFromArrays } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { col, kql, KustoConnector } from '../../src/index.ts'
import type { ReadEvent, ReadOptions } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { canonicalTable } from './canonical.ts'
import { startRecordingProxy } from './recording-proxy.ts'
import type { RecordingProxy } from './recording-proxy.ts'

let local: LocalKusto
let proxy: RecordingProxy
let kusto: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto()
  proxy = await startRecordingProxy(local.cluster)
  kusto = new KustoConnector({ cluster: proxy.url, database: local.database })
  await kusto
    .command(
      '.set-or-append Numbers <| range n from 0 to 9999 step 1 | extend text = strcat("row ", n), score = todouble(n)',
    )
    .rows()
})

afterAll(async () => {
  await kusto.close()
  await proxy.close()
  await local.close()
})

const sorted = (table: Table): readonly bigint[] =>
  [...(table.getChild('n')!.toArray() as BigInt64Array)].sort((a, b) => Number(a - b))
const ALL = Array.from({ length: 10_000 }, (_, n) => BigInt(n))

function recorded(): { readonly events: ReadEvent[]; readonly onEvent: (event: ReadEvent) => void } {
  const events: ReadEvent[] = []
  return { events, onEvent: (event) => events.push(event) }
}
const modesOf = (events: readonly ReadEvent[]): readonly ReadEvent[] => events.filter((event) => event.kind === 'mode')

describe('queries of any shape', () => {
  const SHAPES = [
    'Numbers',
    'Numbers // trailing comment',
    'Numbers | where n >= 0 ;\n// end\n',
    'let low = 0;\nlet T = Numbers;\nT | where n >= low',
    'set notruncation;\nset query_datascope = "all";\nNumbers;',
    'Numbers | project text, n, score | render timechart with (title="a | b; // c")',
    '(Numbers | where text != "; // | render x")',
  ]
  it('spark:R1 give the same rows by a query and by an export, with verbs behind them', async () => {
    for (const shape of SHAPES) {
      for (const mode of ['single', 'distributed'] as const) {
        const read = kusto.read(kql.raw(shape), { mode }).where(col('n').lt(20)).select('n')
        expect(sorted(await read.table()), `${mode} ${shape}`).toEqual(ALL.slice(0, 20))
        expect(await read.count()).toBe(20)
      }
    }
  }, 120_000)

  it('spark:R1 refuse text with two results', async () => {
    const read = kusto.read(kql`Numbers | take 1; Numbers | take 2`, { mode: 'single' })
    await expect(read.table()).rejects.toMatchObject({ code: 'KUSTO_NOT_ONE_RESULT' })
    await expect(read.limit(1).table()).rejects.toMatchObject({ code: 'KUSTO_NOT_ONE_RESULT' })
  })

  it('spark:R2 refuse management commands before anything is sent, with a schema too', () => {
    for (const text of ['.show tables', '\n // list\n .drop table Numbers']) {
      for (const options of [{}, { schema: 'a:long' }] satisfies ReadOptions[]) {
        expect(() => kusto.read(kql.raw(text), options)).toThrow(
          expect.objectContaining({ code: 'KUSTO_COMMAND_AS_QUERY' }),
        )
        expect(() => kusto.query(text, options)).toThrow(/command\(\)/)
      }
    }
  })
})

describe('how a read decides', () => {
  it('spark:R3 single never exports', async () => {
    const { events, onEvent } = recorded()
    const read = kusto.read('Numbers', { mode: 'single', properties: { truncationmaxrecords: 100 }, onEvent })
    await expect(read.table()).rejects.toThrow(/truncat|limit|E_QUERY_RESULT_SET_TOO_LARGE/i)
    expect(events.some((event) => event.kind === 'export-started')).toBe(false)
  })

  it('spark:R6 with fallback never the limit is the answer, and batches flow at once', async () => {
    const { events, onEvent } = recorded()
    const read = kusto.read('Numbers', { fallback: 'never', properties: { truncationmaxrecords: 100 }, onEvent })
    await expect(read.table()).rejects.toThrow(/truncat|limit|E_QUERY_RESULT_SET_TOO_LARGE/i)
    expect(modesOf(events)).toEqual([
      { kind: 'mode', mode: 'single', reason: expect.stringMatching(/fallback is never/) },
    ])
    expect(events.some((event) => event.kind === 'export-started')).toBe(false)
  })

  it('spark:R6 only limits make auto export: a failing query fails once', async () => {
    const { events, onEvent } = recorded()
    await expect(kusto.read(kql`Numbers | where nope == 1`, { onEvent }).table()).rejects.toThrow(/nope/)
    expect(events.some((event) => event.kind === 'export-started')).toBe(false)
  })

  it('spark:R5 a count above the threshold exports at once; below it, or too late, one query is tried', async () => {
    const above = recorded()
    const estimate = { estimate: 'count', exportAboveRows: 5_000 } as const
    expect(sorted(await kusto.read('Numbers', { ...estimate, onEvent: above.onEvent }).table())).toEqual(ALL)
    expect(above.events.find(({ kind }) => kind === 'estimate')).toMatchObject({
      estimate: { kind: 'more-than', rows: 5_000 },
    })
    expect(modesOf(above.events)).toEqual([
      { kind: 'mode', mode: 'distributed', reason: expect.stringMatching(/more than 5000 rows/) },
    ])

    const below = recorded()
    await kusto
      .read('Numbers', { ...estimate, onEvent: below.onEvent })
      .where(col('n').lt(10))
      .table()
    expect(below.events.find(({ kind }) => kind === 'estimate')).toMatchObject({
      estimate: { kind: 'counted', rows: 10 },
    })
    expect(modesOf(below.events)).toMatchObject([{ mode: 'single' }])

    const late = recorded()
    proxy.seen.length = 0
    const slow = kql`range x from 1 to 300000000 step 1 | summarize n = dcount(tostring(x)) | take 1`
    const explained = await kusto.read(slow, { ...estimate, estimateTimeoutMs: 50, onEvent: late.onEvent }).explain()
    expect([explained.begins, explained.estimate]).toEqual(['single', { kind: 'no-answer', timeoutMs: 50 }])
    await expect.poll(() => proxy.seen.filter(({ csl }) => csl.startsWith('.cancel query')).length).toBe(1)
  }, 60_000)

  it('spark:R7 no rows are a table with the schema, in each mode', async () => {
    for (const mode of ['auto', 'single', 'distributed'] as const) {
      const table = await kusto.read('Numbers', { mode }).where(col('n').lt(0)).table()
      expect([table.numRows, table.schema.fields.map((field) => field.name)]).toEqual([0, ['n', 'text', 'score']])
    }
  })
})

describe('explain', () => {
  it('tells what would be sent without sending it, and what it tells is what is sent', async () => {
    const read = kusto.read(kql`Numbers | where text != ${'x'}`, {
      mode: 'distributed',
      properties: { notruncation: true },
    })
    const explained = await read.where(col('n').lt(5)).select('n').explain({ estimate: true })
    expect(JSON.parse(JSON.stringify(explained))).toMatchObject({
      mode: 'distributed',
      begins: 'distributed',
      reason: 'as asked',
      parameters: { _kql0: '"x"' },
      properties: { notruncation: true },
      appliedHere: [],
      schema: [{ name: 'n', type: 'long', arrow: 'Int64' }],
      estimate: { kind: 'counted', rows: 5 },
    })
    expect(String(explained)).toMatch(/^mode\n {2}distributed: as asked\nestimate\n {2}a count found 5 rows\nquery\n/)
    proxy.seen.length = 0
    await read.where(col('n').lt(5)).select('n').table()
    const sent = proxy.seen.find(({ csl }) => csl.startsWith('.export'))?.csl
    const masked = sent
      ?.replaceAll(/h"[^"]*"(, h"[^"]*")*/g, 'h"*"')
      .replace(/kusto-arrow\/[^"]*\/part/, 'kusto-arrow/*****/part')
    expect(masked).toBe(explained.exportCommand?.replaceAll(/h"[^"]*"/g, 'h"*"'))
    const single = await kusto.read('Numbers', { mode: 'single', pushDown: false }).limit(2).explain()
    expect([single.query, single.exportCommand, single.appliedHere]).toEqual(["['Numbers']", undefined, ['take 2']])
    proxy.seen.length = 0
    await kusto.read('Numbers', { mode: 'single' }).table()
    expect(proxy.seen.map(({ csl }) => csl)).toEqual([single.query])
  })

  it('shows no secret of a storage', async () => {
    const storage = { kind: 'sas', url: 'https://acct.blob.core.windows.net/c?sv=1&sig=SECRET%3D' } as const
    const explained = await kusto.read('Numbers', { storage }).explain()
    expect(explained.exportCommand).toContain('https://acct.blob.core.windows.net/c;*****')
    expect(JSON.stringify(explained) + String(explained)).not.toContain('SECRET')
  })
})

describe('request options', () => {
  it('spark:A5 spark:A6 reach every call, each with an id of its own', async () => {
    proxy.seen.length = 0
    const options: ReadOptions = {
      requestId: 'job-7',
      application: 'my app',
      properties: { query_datascope: 'all', servertimeout: '00:03:00' },
    }
    await kusto.read('Numbers', { ...options, mode: 'distributed' }).table()
    await kusto.read('Numbers', { ...options, mode: 'single' }).table()
    await kusto.read('Numbers', options).count()
    await kusto.read('Numbers', options).schema()
    // Containers are asked for by the connector, for all reads; a cancellation may be left of the test before.
    const calls = proxy.seen.filter(({ csl }) => !/^\.(show export containers|cancel query)/.test(csl))
    const activities = calls.map(({ clientRequestId }) => /^job-7;([a-z]+);\d+(;\d+)?$/.exec(clientRequestId)?.[1])
    expect(new Set(activities)).toEqual(new Set(['schema', 'export', 'poll', 'details', 'query', 'count']))
    expect(new Set(calls.map((call) => call.clientRequestId)).size).toBe(calls.length)
    for (const { options: sent } of calls) {
      expect(sent).toMatchObject({ query_datascope: 'all', servertimeout: '00:03:00', request_app_name: 'my app' })
    }
  })

  it('spark:A7 a deadline ends the whole read and stops the query on the server', async () => {
    proxy.seen.length = 0
    const slow = kql`range x from 1 to 400000000 step 1 | summarize dcount(tostring(x))`
    for (const mode of ['single', 'auto'] as const) {
      const startedAt = performance.now()
      await expect(kusto.read(slow, { mode, timeoutMs: 300 }).table()).rejects.toMatchObject({
        code: 'KUSTO_READ_TIMEOUT',
      })
      expect(performance.now() - startedAt).toBeLessThan(5_000)
    }
    await expect.poll(() => proxy.seen.filter(({ csl }) => csl.startsWith('.cancel query')).length).toBe(2)
    expect(proxy.seen[0]?.options).toMatchObject({ servertimeout: '00:00:01' })
  }, 30_000)

  it('refuse what cannot be sent', () => {
    for (const options of [
      { requestId: 'é' },
      { application: '' },
      { timeoutMs: 0 },
      { estimate: 'some' },
      { fallback: 'always' },
    ]) {
      expect(() => kusto.read('Numbers', options as never)).toThrow(
        expect.objectContaining({ code: 'KUSTO_BAD_OPTION' }),
      )
    }
  })
})

describe('a schema given by the caller', () => {
  it('spark:R19 takes the place of asking, narrows the read, and casts with checks, in each mode', async () => {
    proxy.seen.length = 0
    const read = kusto.read('Numbers', { mode: 'single', schema: 'score:long, n:int' })
    expect((await read.schema()).fields.map((field) => `${field.name}: ${field.type}`)).toEqual([
      'score: Int64',
      'n: Int32',
    ])
    await read.where(col('n').lt(2)).table()
    expect(proxy.seen.map(({ csl }) => csl.includes('getschema'))).toEqual([false])
    const results: unknown[] = []
    for (const mode of ['single', 'distributed'] as const) {
      for (const pushDown of [true, false]) {
        const table = await kusto
          .read(kql`Numbers | where n < 2 | sort by n asc`, { mode, pushDown, schema: 'score:long, n:int' })
          .where(col('n').ge(0))
          .table()
        results.push([String(table.schema), canonicalTable(table)])
      }
    }
    expect(results[0]).toEqual(['Schema<{ 0: score: Int64, 1: n: Int32 }>', { score: ['0', '1'], n: ['0', '1'] }])
    for (const result of results) expect(result).toEqual(results[0])
  })

  it('spark:R19 may be an Arrow schema', async () => {
    const schema = new Schema([
      new Field('t', new Timestamp(TimeUnit.MILLISECOND, 'UTC'), true),
      new Field('d', new Int64(), true, new Map([['kusto:type', 'timespan']])),
    ])
    for (const mode of ['single', 'distributed'] as const) {
      const table = await kusto
        .read(kql`print x = 1, d = 1tick, t = datetime(1970-01-01 00:00:01)`, { mode, schema })
        .table()
      expect(table.schema.fields.map((field) => String(field.type))).toEqual(['Timestamp<MILLISECOND, UTC>', 'Int64'])
      expect(canonicalTable(table)).toEqual({ t: ['1000'], d: ['1'] })
    }
  })

  it('spark:R19 that does not fit is a clear error, for columns and for values, in each mode', async () => {
    for (const mode of ['single', 'distributed'] as const) {
      const text = kusto.read('Numbers', { mode, schema: 'n:long, text:long' })
      await expect(text.table()).rejects.toThrow(/column text as long, found string/)
      const value = kusto.read(kql`print n = 4294967296`, { mode, schema: 'n:int' })
      await expect(value.table()).rejects.toMatchObject({ code: 'KUSTO_INTEGER_RANGE', column: 'n' })
      await expect(kusto.read('Numbers', { mode, schema: 'nope:int' }).table()).rejects.toThrow(/nope/)
    }
  })
})

describe('a kept export', () => {
  it('spark:R11 serves reads of the same plan, each with its own verbs, until it is invalidated', async () => {
    const { events, onEvent } = recorded()
    const exports = (): number => events.filter((event) => event.kind === 'export-started').length
    const options: ReadOptions = { mode: 'distributed', cache: { ttlMs: 60_000 }, onEvent }
    const all = kusto.read('Numbers', options)
    expect(sorted(await all.table())).toEqual(ALL)
    expect(sorted(await kusto.read('Numbers', options).table())).toEqual(ALL)
    // How long a read may take and who asks are no part of the plan.
    const hurried = { ...options, timeoutMs: 100_000, application: 'other', requestId: 'mine', maxBufferedBytes: 1 }
    expect(sorted(await kusto.read('Numbers', hurried).table())).toEqual(ALL)
    expect(exports()).toBe(1)
    expect(events.filter((event) => event.kind === 'cache')).toEqual([
      { kind: 'cache', hit: false },
      { kind: 'cache', hit: true },
      { kind: 'cache', hit: true },
    ])
    // Another filter, projection, type, parameter or partitioning is another plan.
    expect(sorted(await all.where(col('n').lt(3)).table())).toEqual([0n, 1n, 2n])
    expect((await all.select('text').table()).schema.fields.map((field) => field.name)).toEqual(['text'])
    for (const low of [9_998, 9_999]) {
      expect((await kusto.read(kql`Numbers | where n >= ${low}`, options).table()).numRows).toBe(10_000 - low)
    }
    expect(exports()).toBe(5)
    // An auto read uses what is kept.
    const auto = recorded()
    expect(sorted(await kusto.read('Numbers', { ...options, mode: 'auto', onEvent: auto.onEvent }).table())).toEqual(
      ALL,
    )
    expect(modesOf(auto.events)).toEqual([
      { kind: 'mode', mode: 'distributed', reason: 'an export of the same plan is kept' },
    ])
    await kusto.invalidate(all)
    expect(events.filter((event) => event.kind === 'blobs-removed')).toHaveLength(1)
    expect(sorted(await all.table())).toEqual(ALL)
    expect(exports()).toBe(6)
    await kusto.invalidate()
    expect(events.filter((event) => event.kind === 'blobs-removed')).toHaveLength(6)
  }, 120_000)
})

describe('a kept export of dictionary columns', () => {
  const CITIES = kql`range x from 0 to 199 step 1 | extend city = strcat('c', x % 3)`
  const isEncoded = (table: Table): boolean => DataType.isDictionary(table.getChild('city')?.type)

  it('is forgotten when columns found in a sample are invalidated, and serves reads that encode other columns', async () => {
    const { events, onEvent } = recorded()
    const read = (dictionary: readonly string[] | 'auto') =>
      kusto.read(CITIES, { mode: 'distributed', types: { dictionary }, cache: { ttlMs: 60_000 }, workers: 1, onEvent })
    const tables = [await read('auto').table(), await read([]).table(), await read(['city']).table()]
    expect(tables.map(isEncoded)).toEqual([true, false, true])
    expect(tables.map((table) => new Set(table.getChild('city')).size)).toEqual([3, 3, 3])
    const hits = (): readonly boolean[] => events.flatMap((event) => (event.kind === 'cache' ? [event.hit] : []))
    expect(hits()).toEqual([false, true, true])
    await expect(read(['x']).table()).rejects.toMatchObject({ code: 'KUSTO_BAD_OPTION' })
    await using parts = await read('auto').partitions()
    for (const part of parts) for await (const batch of part) expect(isEncoded(new Table([batch]))).toBe(true)
    await read('auto').invalidate()
    await read('auto').table()
    expect(hits().slice(3)).toEqual([true, true, false])
    await kusto.invalidate()
    // The partitions, and nobody else, hold the first one.
    const removed = (): number => events.filter((event) => event.kind === 'blobs-removed').length
    expect(removed()).toBe(1)
    await parts.release()
    expect(removed()).toBe(2)
  })

  it('is told by explain with the columns found in a sample', async () => {
    for (const pushDown of [true, false]) {
      const explained = await kusto
        .read(CITIES, { types: { dictionary: 'auto' }, pushDown })
        .select('city')
        .explain()
      expect(explained.schema).toMatchObject([{ name: 'city', type: 'string', arrow: 'Dictionary<Int32, Utf8>' }])
    }
  })

  it('is no part of a plan, which refuses the option', async () => {
    const { events, onEvent } = recorded()
    await expect(kusto.read(CITIES, { cache: { ttlMs: 60_000 }, onEvent }).plan()).rejects.toMatchObject({
      code: 'KUSTO_BAD_OPTION',
      message: 'expected no option cache for a plan, whose blobs live until it is released',
    })
    expect(events).toEqual([])
  })
})

describe('export options', () => {
  it('spark:R17 every codec and none give the same rows', async () => {
    for (const compression of ['snappy', 'gzip', 'lz4_raw', 'brotli', 'zstd', 'none'] as const) {
      const { events, onEvent } = recorded()
      const table = await kusto
        .read('Numbers', { mode: 'distributed', compression, sizeLimit: 104_857_600, distribution: 'single', onEvent })
        .table()
      expect(sorted(table), compression).toEqual(ALL)
      expect(events.some((event) => event.kind === 'export-finished' && event.rows === 10_000)).toBe(true)
    }
  }, 120_000)
})

describe('values', () => {
  const MEGABYTE = 'é🚀"\r\n,'.repeat(100_000)
  it('spark:T2 spark:T3 spark:T5 spark:T6 spark:T7 spark:T8 are the same by a query and by an export', async () => {
    const receipt = await kusto.write(
      'Texts',
      tableFromArrays({ id: Int32Array.of(1, 2, 3, 4), s: ['', `it's "q", \\ \r\n\t\u0000🚀`, MEGABYTE, 'null'] }),
      { create: 'CreateIfNotExist', flushImmediately: true },
    )
    await receipt.completed({ timeoutMs: 60_000 })
    const queries = [
      kql.raw(`datatable(b:bool, i:int, l:long, r:real, m:decimal, s:string, t:datetime, d:timespan, g:guid, j:dynamic)[
        bool(null), int(null), long(null), real(null), decimal(null), "", datetime(null), timespan(null), guid(null), dynamic(null),
        true, -2147483648, 9007199254740993, real(nan), decimal(12345678901234567890.123456789012345678), "x", datetime(0001-01-01), timespan(-10675199.02:48:05.4775808), guid(74be27de-1e4e-49d9-b579-fe0b331d3642), dynamic({"a":[1,null,"x"]}),
        false, 2147483647, -9223372036854775808, real(-inf), decimal(-0.000000000000000001), "y", datetime(9999-12-31 23:59:59.9999999), timespan(1.23:59:59.9999999), guid(ffffffff-ffff-ffff-ffff-ffffffffffff), dynamic([])]
        | sort by s asc`),
      kql`Texts | sort by id asc`,
    ]
    for (const query of queries) {
      for (const types of [{}, { datetime: 'ticks', timespan: 'ticks', decimal: 'text', guid: 'uuid' }] as const) {
        const [single, distributed] = await Promise.all(
          (['single', 'distributed'] as const).map((mode) => kusto.read(query, { mode, types, partitions: 1 }).table()),
        )
        expect(String(distributed?.schema)).toBe(String(single?.schema))
        expect(distributed && canonicalTable(distributed)).toEqual(single && canonicalTable(single))
      }
    }
    const [texts, ticks] = await Promise.all([
      kusto.read(queries[1] ?? 'Texts', { mode: 'single' }).table(),
      kusto.read(queries[0] ?? 'Texts', { mode: 'single', types: { datetime: 'ticks', timespan: 'ticks' } }).table(),
    ])
    expect(texts.getChild('s')?.toArray()[2]).toBe(MEGABYTE)
    expect(texts.getChild('s')?.get(1)).toBe(`it's "q", \\ \r\n\t\u0000🚀`)
    const cells = canonicalTable(ticks)
    expect([cells['t'], cells['d'], cells['l'], cells['m']]).toEqual([
      [null, '0', '3155378975999999999'],
      [null, '-9223372036854775808', '1727999999999'],
      [null, '9007199254740993', '-9223372036854775808'],
      [null, '12345678901234567890123456789012345678', '-1'],
    ])
  }, 60_000)
})
