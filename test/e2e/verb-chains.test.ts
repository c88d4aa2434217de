import * as fc from 'fast-check'
import type { Table } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { col, kql, KustoConnector, not } from '../../src/index.ts'
import type { Filter, KustoRead } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'

let local: LocalKusto
let kusto: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
})

afterAll(async () => {
  await kusto.close()
  await local.close()
})

type Scalar = ReturnType<typeof kql.int>

const GUIDS = ['74be27de-1e4e-49d9-b579-fe0b331d3642', '00000000-0000-0000-0000-000000000000'] as const

/** Values that are easily taken for another one: nulls, empty texts, byte order marks, digits behind the last of a unit. */
const VALUES: Readonly<Record<string, readonly Scalar[]>> = {
  b: [kql.bool(true), kql.bool(false), kql.bool(null)],
  i: [kql.int(0), kql.int(-5), kql.int(2147483647), kql.int(null)],
  l: [kql.long(0n), kql.long(9007199254740993n), kql.long(9007199254740992n), kql.long(-(2n ** 63n)), kql.long(null)],
  r: [1.5, 0, -0, Number.NaN, Infinity, -Infinity, null].map((value) => kql.real(value)),
  m: ['0', '1.5', '1.50', '-0.000000000000000001', '12345678901234567890.5', null].map((value) => kql.decimal(value)),
  s: ['', 'a', 'A', '\uFEFFa', '\uFEFF', 'a\u0000', 'ab', '🚀', '\uFFFD', ' a', 'null'].map((value) =>
    kql.string(value),
  ),
  t: [0n, 637134336000000001n, 637134336000000002n, 3155378975999999999n, null].map((value) => kql.datetime(value)),
  d: [0n, 1n, 2n, -(2n ** 63n), 2n ** 63n - 1n, null].map((value) => kql.timespan(value)),
  g: [...GUIDS, null].map((value) => kql.guid(value)),
}
const ORDERED = ['i', 'l', 'r', 'm', 't', 'd']
const COLUMNS = ['id', ...Object.keys(VALUES)]

const anyRows = fc.array(fc.tuple(...Object.values(VALUES).map((values) => fc.constantFrom(...values))), {
  maxLength: 12,
})

/** One step of a chain: a verb, what it leaves, and whether only the number of rows is sure behind it. */
interface Step {
  readonly text: string
  readonly apply: (read: KustoRead) => KustoRead
  readonly columns: readonly string[]
  /** Which columns are sure behind it; none after `limit`, and the key alone after a `top` whose key has equal values. */
  readonly sure: readonly string[]
}

function anyFilter(columns: readonly string[]): fc.Arbitrary<Filter> {
  const [first, ...others] = columns.filter((column) => column !== 'id').map(anyFilterOf)
  return first === undefined ? fc.constant(col('id').ge(2)) : fc.oneof(first, ...others)
}

function anyFilterOf(name: string): fc.Arbitrary<Filter> {
  const column = col(name)
  const all = VALUES[name] ?? []
  const value = fc.constantFrom(...all)
  const known = fc.constantFrom(...all.filter((each) => each.value !== null && !Number.isNaN(each.value)))
  const tests = [
    value.map((each) => column.eq(each)),
    value.map((each) => column.ne(each)),
    fc.array(value, { maxLength: 3 }).map((list) => column.in(list)),
    fc.array(value, { maxLength: 3 }).map((list) => column.notIn(list)),
    known.map((each) => not(column.eq(each))),
    fc.constantFrom(column.isNull(), column.isNotNull(), column.isEmpty(), column.isNotEmpty()),
  ]
  if (ORDERED.includes(name)) {
    const word = fc.constantFrom('lt', 'le', 'gt', 'ge')
    tests.push(fc.tuple(word, known).map(([each, bound]) => column[each as 'lt'](bound)))
    tests.push(fc.tuple(known, known).map(([low, high]) => column.between(low, high)))
  }
  if (name === 's') {
    const word = fc.constantFrom('contains', 'containsCs', 'startsWith', 'startsWithCs', 'endsWith', 'endsWithCs')
    tests.push(fc.tuple(word, value).map(([each, part]) => column[each as 'contains'](String(part.value))))
  }
  return fc.oneof(...tests)
}

function anyStep(columns: readonly string[]): fc.Arbitrary<Step> {
  const some = fc.shuffledSubarray([...columns], { minLength: 1 })
  const rows = fc.nat({ max: 8 })
  const order = fc.constantFrom('asc' as const, 'desc' as const)
  const step = (text: string, apply: Step['apply'], left = columns, sure = left): Step => {
    return { text, apply, columns: left, sure }
  }
  return fc.oneof(
    {
      weight: 3,
      arbitrary: anyFilter(columns).map((filter) => step(`where ${filter.toString()}`, (read) => read.where(filter))),
    },
    some.map((left) => step(`select ${left.join()}`, (read) => read.select(...left), left)),
    some.map((left) => step(`distinct ${left.join()}`, (read) => read.distinct(...left), left)),
    fc.constant(step('distinct', (read) => read.distinct())),
    fc.tuple(rows, fc.constantFrom(...columns), order).map(([count, key, way]) => {
      const sure = key === 'id' ? columns : [key]
      return step(`top ${count} by ${key} ${way}`, (read) => read.top(count, key, way), columns, sure)
    }),
    rows.map((count) => step(`limit ${count}`, (read) => read.limit(count), columns, [])),
  )
}

/** Up to four verbs, the last one the first whose rows are not sure. */
const anyChain: fc.Arbitrary<readonly Step[]> = ((): fc.Arbitrary<readonly Step[]> => {
  const behind = (columns: readonly string[], left: number): fc.Arbitrary<readonly Step[]> =>
    left === 0
      ? fc.constant([])
      : anyStep(columns).chain((step) => {
          const isSure = step.sure.length === step.columns.length
          const more = isSure ? behind(step.columns, left - 1) : fc.constant<readonly Step[]>([])
          return more.map((steps) => [step, ...steps])
        })
  return fc.integer({ min: 1, max: 4 }).chain((length) => behind(COLUMNS, length))
})()

/** What is sure of the rows, in no order, byte by byte: `get` of a text would drop a byte order mark. */
function sureRows(table: Table, columns: readonly string[]): readonly string[] {
  const batches = table.batches.flatMap((batch) =>
    Array.from({ length: batch.numRows }, (_, row) => {
      const cells = columns.map((name) => {
        const data = batch.data.children[batch.schema.fields.findIndex((field) => field.name === name)]
        if (data === undefined || !data.getValid(row)) return null
        const { values, valueOffsets, stride } = data
        if (valueOffsets !== undefined) {
          return Buffer.from((values as Uint8Array).subarray(valueOffsets[row], valueOffsets[row + 1])).toString('hex')
        }
        if (name === 'b')
          return String(((values as Uint8Array)[(data.offset + row) >> 3]! >> ((data.offset + row) & 7)) & 1)
        // Zero and minus zero are one value for `distinct`, and which of them is left is not sure.
        return Array.from({ length: stride }, (_, at) => String((values as Int32Array)[row * stride + at])).join()
      })
      return JSON.stringify(cells)
    }),
  )
  return batches.sort()
}

describe('verbs behind one another', () => {
  it('spark:R9 spark:R10 give the same rows with and without push-down, for any rows', async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, anyChain, fc.integer({ min: 1, max: 5 }), async (rows, chain, batchRows) => {
        const cells = rows.map((row, index) => [`long(${index})`, ...row.map((cell) => cell.literal)].join(', '))
        const query = kql.raw(
          `datatable(id:long, b:bool, i:int, l:long, r:real, m:decimal, s:string, t:datetime, d:timespan, g:guid)[${cells.join(',\n')}]`,
        )
        const read = (pushDown: boolean, mode: 'single' | 'distributed'): KustoRead =>
          chain.reduce(
            (all, step) => step.apply(all),
            kusto.read(query, {
              mode,
              pushDown,
              batchRows,
              workers: 1,
              types: { datetime: 'ticks', timespan: 'ticks' },
            }),
          )
        const sure = chain.at(-1)?.sure ?? []
        const there = await read(true, 'single').table()
        const here = await read(false, 'single').table()
        const what = chain.map((step) => step.text).join(' | ')
        expect(here.numRows, what).toBe(there.numRows)
        expect(String(here.schema), what).toBe(String(there.schema))
        expect(sureRows(here, sure), what).toEqual(sureRows(there, sure))
        expect(await read(false, 'single').count(), what).toBe(await read(true, 'single').count())
        if (rows.length % 4 !== 1) return
        for (const pushDown of [true, false]) {
          const exported = await read(pushDown, 'distributed').table()
          expect(exported.numRows, what).toBe(there.numRows)
          expect(String(exported.schema), what).toBe(String(there.schema))
          expect(sureRows(exported, sure), what).toEqual(sureRows(there, sure))
        }
      }),
      { numRuns: 40 },
    )
  }, 300_000)

  it('spark:R9 spark:T3 tell texts apart that differ in a byte order mark', async () => {
    const texts = kql`datatable(s:string)['\ufeffa', 'a', '\ufeff', '', 'b']`
    for (const pushDown of [true, false]) {
      const read = kusto.read(texts, { mode: 'single', pushDown })
      expect(await read.distinct('s').count()).toBe(5)
      expect(await read.where(col('s').eq('a')).count()).toBe(1)
      expect(await read.where(col('s').isEmpty()).count()).toBe(1)
      expect(await read.where(col('s').startsWithCs('\uFEFF')).count()).toBe(2)
    }
  })
})
