import * as fc from 'fast-check'
import type { Table } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { and, col, Filter, kql, KustoConnector, not, or, where } from '../../src/index.ts'
import type { KustoRead, ReadEvent, ReadOptions } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { canonicalTable } from './canonical.ts'

let local: LocalKusto
let kusto: KustoConnector

/** Rows with every scalar type, nulls of each, and values where languages disagree: NaN, -0, case, surrogates, ticks. */
const MIXED =
  kql.raw(`datatable(id:int, b:bool, i:int, l:long, r:real, m:decimal, s:string, t:datetime, d:timespan, g:guid, j:dynamic)[
  1, true, 1, 1, 1.5, decimal(1.5), "a", datetime(2020-01-01), timespan(1.00:00:00), guid(74be27de-1e4e-49d9-b579-fe0b331d3642), dynamic({"a":1}),
  2, false, -5, 9007199254740993, real(nan), decimal(0.000000000000000001), "A", datetime(2020-01-01 00:00:00.0000001), timespan(-00:00:00.0000001), guid(00000000-0000-0000-0000-000000000000), dynamic(null),
  3, bool(null), int(null), long(null), real(null), decimal(null), "", datetime(null), timespan(null), guid(null), dynamic([]),
  4, true, 2147483647, 9223372036854775807, real(+inf), decimal(-12345678901234567890.5), "it's \\"q\\" \\\\ 🚀", datetime(9999-12-31 23:59:59.9999999), timespan(10675199.02:48:05.4775807), guid(74be27de-1e4e-49d9-b579-fe0b331d3641), dynamic("x"),
  5, false, -2147483648, -9223372036854775808, real(-inf), decimal(10), "\\uFFFDé\\r\\n", datetime(0001-01-01), timespan(-10675199.02:48:05.4775808), guid(ffffffff-ffff-ffff-ffff-ffffffffffff), dynamic(1),
  6, true, 0, 0, -0.0, decimal(-1.5), "Ab a", datetime(1969-12-31 23:59:59.9999999), timespan(00:00:00), guid(74be27de-1e4e-49d9-b579-fe0b331d3642), dynamic(true),
  7, true, 1, 9007199254740992, 9007199254740992.0, decimal(1.50), "aB", datetime(2020-01-01), timespan(00:00:00.0000001), guid(null), dynamic({})
]`)

beforeAll(async () => {
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
  await kusto.command(`.set-or-append Mixed <| ${MIXED.text}`).rows()
})

afterAll(async () => {
  await kusto.close()
  await local.close()
})

const ids = (table: Table): readonly number[] =>
  [...(table.getChild('id')!.toArray() as Int32Array)].sort((a, b) => a - b)

const both = (options: ReadOptions = {}): readonly KustoRead[] =>
  [true, false].map((pushDown) => kusto.read('Mixed', { mode: 'single', pushDown, ...options }))

/** The rows as text, in no order. */
const rowsOf = (table: Table): readonly string[] => {
  const columns = Object.values(canonicalTable(table))
  return Array.from({ length: table.numRows }, (_, row) => JSON.stringify(columns.map((column) => column[row]))).sort()
}

const GUID = '74be27de-1e4e-49d9-b579-fe0b331d3642'
const LITERALS: Readonly<Record<string, readonly Parameters<ReturnType<typeof col>['eq']>[0][]>> = {
  b: [true, false, null],
  i: [kql.int(1), 0, -5n, 1.5, kql.decimal('1.0'), kql.int(null), kql.real(Number.NaN)],
  l: [1, 2n ** 63n - 1n, 9007199254740992, 9007199254740993n, 1125899906842624.5, kql.decimal('1'), kql.long(null)],
  r: [1.5, 0, kql.real(-0), kql.real(Number.NaN), kql.real(Infinity), 9007199254740993n, kql.decimal('1.50'), null],
  m: [kql.decimal('1.5'), kql.decimal('1e-18'), 1.5, 10, kql.decimal('-12345678901234567890.50'), kql.decimal(null)],
  s: ['', 'a', 'A', 'ab', `it's "q" \\ 🚀`, '🚀', '\r\n', '\uFFFD', "' or true //"],
  t: [new Date('2020-01-01'), kql.datetime(637134336000000001n), kql.datetime(0n), kql.datetime(null)],
  d: [kql.timespan(0n), kql.timespan(1n), kql.timespan(-(2n ** 63n)), kql.timespan(null)],
  g: [kql.guid(GUID), kql.guid(GUID.toUpperCase()), kql.guid(null)],
}
const ORDERED = ['i', 'l', 'r', 'm', 't', 'd']

const anyLeaf: fc.Arbitrary<Filter> = fc.oneof(
  ...Object.entries(LITERALS).map(([name, values]) => {
    const column = col(name)
    const value = fc.constantFrom(...values)
    const known = value
      .filter((each) => !Number.isNaN((each as { value?: unknown } | null)?.value))
      .filter((each) => each !== null && !(typeof each === 'object' && 'value' in each && each.value === null))
    const tests: fc.Arbitrary<Filter>[] = [
      value.map((each) => column.eq(each)),
      value.map((each) => column.ne(each)),
      fc.array(value, { maxLength: 3 }).map((list) => column.in(list)),
      fc.array(value, { maxLength: 3 }).map((list) => column.notIn(list)),
      fc.constantFrom(column.isNull(), column.isNotNull(), column.isEmpty(), column.isNotEmpty()),
    ]
    if (ORDERED.includes(name)) {
      const compare = fc.constantFrom('lt', 'le', 'gt', 'ge')
      tests.push(fc.tuple(compare, known).map(([word, each]) => column[word as 'lt'](each as number)))
      tests.push(fc.tuple(known, known).map(([low, high]) => column.between(low as number, high as number)))
    }
    if (name === 's') {
      const words = ['contains', 'containsCs', 'startsWith', 'startsWithCs', 'endsWith', 'endsWithCs'] as const
      tests.push(fc.tuple(fc.constantFrom(...words), value).map(([word, each]) => column[word](each as string)))
    }
    return fc.oneof(...tests)
  }),
)
const { filter: anyFilter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyLeaf,
    tie('filter').map((filter) => not(filter)),
    fc.array(tie('filter'), { maxLength: 3 }).map((filters) => and(...filters)),
    fc.array(tie('filter'), { maxLength: 3 }).map((filters) => or(...filters)),
  ),
}))

describe('spark:R8 filters', () => {
  it('spark:R8 spark:R9 keep the same rows whether the service or this side evaluates them', async () => {
    const [pushed, here] = both()
    await fc.assert(
      fc.asyncProperty(anyFilter, async (filter) => {
        const [there, local] = await Promise.all([pushed?.where(filter).table(), here?.where(filter).table()])
        expect(local && rowsOf(local), filter.toString()).toEqual(there && rowsOf(there))
      }),
      { numRuns: 120 },
    )
  }, 120_000)

  it('spark:R8 know null, NaN and three-valued logic', async () => {
    for (const read of both()) {
      expect(ids(await read.where(col('r').ne(1.5)).table())).toEqual([2, 3, 4, 5, 6, 7])
      expect(ids(await read.where(not(col('i').lt(1))).table())).toEqual([1, 4, 7])
      expect(ids(await read.where(col('r').eq(kql.real(Number.NaN))).table())).toEqual([])
      expect(ids(await read.where(col('l').notIn([1, null])).table())).toEqual([2, 4, 5, 6, 7])
      expect(ids(await read.where(col('l').eq(9007199254740993n)).table())).toEqual([2])
      expect(ids(await read.where(col('t').gt(new Date('2020-01-01'))).table())).toEqual([2, 4])
      expect(ids(await read.where(col('s').contains('A')).table())).toEqual([1, 2, 6, 7])
      expect(ids(await read.where(col('s').startsWithCs('A')).table())).toEqual([2, 6])
    }
  })

  it('spark:R8 carry text that would be KQL as text', async () => {
    for (const value of ['" or true or "', `' | take 1 //`, '\\', '\n;.drop table Mixed']) {
      for (const read of both()) expect((await read.where(col('s').eq(value)).table()).numRows).toBe(0)
    }
  })

  it('say what needs the service', async () => {
    const here = kusto.read('Mixed', { mode: 'single', pushDown: false })
    await expect(here.where(where(kql`id has_any (1)`)).table()).rejects.toMatchObject({ code: 'KUSTO_NEEDS_PUSHDOWN' })
    await expect(here.where(col('j').eq(1)).table()).rejects.toMatchObject({ code: 'KUSTO_NEEDS_PUSHDOWN' })
    await expect(here.where(col('ID').eq(1)).table()).rejects.toMatchObject({ code: 'KUSTO_BAD_COLUMNS' })
  })
})

describe('spark:R10 columns and rows', () => {
  it('spark:R10 spark:R9 give any subset of columns in any order', async () => {
    const all = (await kusto.read('Mixed', { mode: 'single' }).schema()).fields.map((field) => field.name)
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(all, { minLength: 1 }), async (columns) => {
        const tables = await Promise.all(both().map((read) => read.select(...columns).table()))
        expect(tables.map((table) => table.schema.fields.map((field) => field.name))).toEqual([columns, columns])
        expect(tables[1] && rowsOf(tables[1])).toEqual(tables[0] && rowsOf(tables[0]))
      }),
      { numRuns: 15 },
    )
  }, 60_000)

  it('spark:R10 refuse a column named twice, none, or one that is not there', async () => {
    const read = kusto.read('Mixed')
    expect(() => read.select('id', 'id')).toThrow(/id twice/)
    expect(() => read.select()).toThrow(/found none/)
    expect(() => read.distinct('id', 'id')).toThrow(/id twice/)
    for (const each of both()) await expect(each.select('nope').table()).rejects.toThrow(/nope/)
  })

  it('spark:R9 spark:R10 limit, top, distinct and count agree on both sides', async () => {
    for (const read of both()) {
      expect((await read.limit(3).table()).numRows).toBe(3)
      expect((await read.limit(0).table()).numRows).toBe(0)
      expect((await read.limit(100).table()).numRows).toBe(7)
      expect(await read.where(col('b').eq(true)).count()).toBe(4)
      expect(canonicalTable(await read.top(3, 'l').select('id').table())).toEqual({ id: ['4', '2', '7'] })
      expect(canonicalTable(await read.top(4, 'r', 'asc').select('id').table())).toEqual({ id: ['3', '2', '5', '6'] })
      expect(canonicalTable(await read.top(3, 'm', 'desc').select('id').table())['id']?.[0]).toBe('5')
      expect(canonicalTable(await read.top(7, 's', 'asc').select('id').table())).toEqual({
        id: ['3', '2', '6', '1', '7', '4', '5'],
      })
      expect(await read.distinct('b').count()).toBe(3)
      expect(await read.select('m').distinct().count()).toBe(6)
      expect(await read.distinct('g', 'b').count()).toBe(6)
      expect(await read.select('id').limit(5).where(col('id').gt(100)).count()).toBe(0)
    }
    for (const bad of [-1, 1.5, Number.NaN]) expect(() => kusto.read('Mixed').limit(bad)).toThrow(/whole number/)
    expect(() => kusto.read('Mixed').top(1, 'l', 'up' as never)).toThrow(/asc or desc/)
  })

  it('spark:R9 gives the same types without push-down, in each mode', async () => {
    const types = { datetime: 'ticks', timespan: 'ns', guid: 'uuid', decimal: 'text' } as const
    const filter = col('t')
      .ge(new Date('2020-01-01'))
      .and(col('d').lt(kql.timespan(864000000001n)))
    for (const options of [{}, { types }]) {
      const results: (readonly string[])[] = []
      for (const mode of ['single', 'distributed'] as const) {
        for (const read of both({ mode, ...options })) {
          const table = await read.where(filter).select('t', 'd', 'g', 'm', 'id').table()
          results.push([String(table.schema), ...rowsOf(table)])
        }
      }
      expect(results[0]?.length).toBe(4)
      for (const result of results) expect(result).toEqual(results[0])
    }
  })

  it('counts batches and lost digits of the rows that are delivered', async () => {
    const events: ReadEvent[] = []
    const read = kusto.read('Mixed', { mode: 'single', pushDown: false, onEvent: (event) => events.push(event) })
    await read
      .where(col('id').in([2, 6]))
      .select('t')
      .table()
    expect(events.filter(({ kind }) => kind !== 'request' && kind !== 'answer-read')).toEqual([
      { kind: 'mode', mode: 'single', reason: 'as asked' },
      { kind: 'batch', rows: 2 },
      { kind: 'ticks-lost', column: 't', values: 2 },
    ])
  })
})

describe('spark:R24 names', () => {
  const NAMES = [
    'a',
    'A',
    'where',
    'it\'s "x"\\',
    'b c',
    '1day',
    '日本',
    '-',
    'a.b',
    '$',
    'kind',
    "['q']",
    'x',
    '\uFEFFx',
  ]
  it('spark:R24 columns that differ in case only, reserved words and any characters can be read, chosen and compared', async () => {
    for (const mode of ['single', 'distributed'] as const) {
      const declared = NAMES.map((each) => `['${each.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}']`)
      const source = kql.raw(`print ${declared.map((each, index) => `${each} = ${index}`).join(', ')}`)
      for (const pushDown of [true, false]) {
        const read = kusto.read(source, { mode, pushDown })
        const wanted = NAMES.toReversed()
        const table = await read
          .where(and(...NAMES.map((each, index) => col(each).eq(index))))
          .select(...wanted)
          .table()
        expect(table.schema.fields.map((field) => field.name)).toEqual(wanted)
        expect(Object.values(canonicalTable(table)).map(([cell]) => Number(cell))).toEqual(
          wanted.map((_, i) => NAMES.length - 1 - i),
        )
      }
    }
  })
})
