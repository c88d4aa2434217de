import { DataType, tableFromIPC, tableToIPC } from 'apache-arrow'
import type { Table } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { and, col, kql, KustoConnector, not } from '../../src/index.ts'
import type { KustoRead, ReadOptions } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { canonicalTable } from './canonical.ts'

let local: LocalKusto
let kusto: KustoConnector

/** Values of each type that has several Arrow types, nulls among them; the texts of `city` are few. */
const ROWS = kql`range x from 0 to 399 step 1
| extend city = case(x % 7 == 0, '', strcat('città ', x % 5)), land = strcat('L', x % 3),
  at = iff(x % 11 == 0, datetime(null), datetime(2020-01-01 00:00:00.0000001) + x * 1s),
  took = iff(x % 13 == 0, timespan(null), x * 1tick),
  price = iff(x % 17 == 0, decimal(null), todecimal(x % 10) / 4),
  id = iff(x % 19 == 0, guid(null), toguid(strcat('74be27de-1e4e-49d9-b579-fe0b331d3', tostring(100 + x % 50))))`

const TYPES: Readonly<Record<string, NonNullable<ReadOptions['types']>>> = {
  'the defaults': {},
  'named dictionaries': { dictionary: ['city', 'land'] },
  'dictionaries found in a sample': { dictionary: 'auto' },
  ticks: { datetime: 'ticks', timespan: 'ticks' },
  nanoseconds: { datetime: 'ns', timespan: 'ns' },
  'decimals as text': { decimal: 'text' },
  'guids as bytes': { guid: 'uuid' },
  'all at once': { dictionary: ['city', 'land'], datetime: 'ns', timespan: 'ticks', decimal: 'text', guid: 'uuid' },
}

const GUID = '74be27de-1e4e-49d9-b579-fe0b331d3101'
const VERBS: Readonly<Record<string, (read: KustoRead) => KustoRead>> = {
  'no verb': (read) => read,
  'equal to a text': (read) => read.where(col('city').eq('città 1')),
  'not one of some texts': (read) => read.where(col('city').notIn(['città 1', ''])),
  contains: (read) => read.where(col('city').contains('TÀ 2')),
  'starts with': (read) => read.where(not(col('city').startsWith('città'))),
  'is empty': (read) => read.where(col('city').isEmpty()),
  'a text and a number': (read) => read.where(and(col('land').eq('L1'), col('x').gt(300))),
  'a moment': (read) => read.where(col('at').gt(kql.datetime(637134337500000001n))),
  'a time span': (read) => read.where(col('took').le(kql.timespan(30n))),
  'a decimal': (read) => read.where(col('price').ge(kql.decimal('1.75'))),
  'a guid': (read) => read.where(col('id').eq(kql.guid(GUID))),
  'a row in the middle': (read) => read.where(col('x').between(70, 330)),
  nothing: (read) => read.where(col('x').lt(0)),
  'columns in another order': (read) => read.select('price', 'land', 'id', 'city', 'x'),
  'the last by number': (read) => read.top(120, 'x'),
  'different texts': (read) => read.distinct('city', 'land'),
  'different rows of every type': (read) => read.select('city', 'land', 'price', 'id').distinct(),
  'one verb after another': (read) =>
    read.where(col('city').ne('')).top(150, 'x', 'asc').select('land', 'city', 'took').distinct('city', 'land'),
}

/** The rows as text, in no order. */
function rowsOf(table: Table): readonly string[] {
  const columns = Object.values(canonicalTable(table))
  return Array.from({ length: table.numRows }, (_, row) => JSON.stringify(columns.map((column) => column[row]))).sort()
}

beforeAll(async () => {
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
  await kusto.command(`.set-or-append Typed <| ${ROWS.text}`).rows()
})

afterAll(async () => {
  await kusto.close()
  await local.close()
})

describe('verbs without push-down', () => {
  for (const [what, types] of Object.entries(TYPES)) {
    it(`give the rows and types that the service gives, for ${what}`, async () => {
      for (const [verb, apply] of Object.entries(VERBS)) {
        const read = (pushDown: boolean, options: ReadOptions = {}): KustoRead =>
          apply(kusto.read('Typed', { mode: 'single', pushDown, types, batchRows: 64, ...options }))
        const there = await read(true).table()
        const here = await read(false).table()
        expect(rowsOf(here), verb).toEqual(rowsOf(there))
        expect(String(here.schema), verb).toBe(String(there.schema))
        expect(String(await read(false).schema()), verb).toBe(String(there.schema))
        expect(await read(false).count(), verb).toBe(there.numRows)
        // A stream of IPC carries a dictionary that grows, and no other.
        expect(rowsOf(tableFromIPC(tableToIPC(here, 'stream'))), verb).toEqual(rowsOf(there))
        // Without push-down one export serves all verbs.
        const cache = { ttlMs: 60_000 }
        const exported = await read(false, { mode: 'distributed', workers: 1, cache }).table()
        expect([String(exported.schema), ...rowsOf(exported)], verb).toEqual([String(there.schema), ...rowsOf(there)])
      }
      await kusto.invalidate()
    })
  }

  it('give the rows and types that an export of the verb gives', async () => {
    for (const types of [
      { dictionary: 'auto' },
      { dictionary: ['city', 'land'], datetime: 'ns', guid: 'uuid' },
    ] as const) {
      for (const verb of ['equal to a text', 'different texts', 'the last by number']) {
        const apply = VERBS[verb] ?? ((read: KustoRead) => read)
        const [there = [], here] = await Promise.all(
          [true, false].map(async (pushDown) => {
            const table = await apply(kusto.read('Typed', { mode: 'distributed', pushDown, types, workers: 1 })).table()
            return [String(table.schema), ...rowsOf(table)]
          }),
        )
        expect(there.length, verb).toBeGreaterThan(1)
        expect(here, verb).toEqual(there)
      }
    }
  })

  it('limit the rows of dictionary columns to rows that there are', async () => {
    const types = { dictionary: ['city', 'land'] }
    const all = new Set(rowsOf(await kusto.read('Typed').table()))
    for (const mode of ['single', 'distributed'] as const) {
      const table = await kusto.read('Typed', { mode, types, pushDown: false, batchRows: 64 }).limit(150).table()
      expect(table.numRows).toBe(150)
      expect(rowsOf(table).filter((row) => !all.has(row))).toEqual([])
      expect(DataType.isDictionary(table.schema.fields[1]?.type)).toBe(true)
    }
  })

  it('compare the texts of dictionary columns that a schema declares', async () => {
    const types = { dictionary: ['city'] }
    for (const pushDown of [true, false]) {
      const read = kusto.read('Typed', {
        mode: 'single',
        types,
        pushDown,
        schema: 'city:string, x:long',
        batchRows: 64,
      })
      const table = await read.where(col('city').eq('città 1')).table()
      expect(new Set(table.getChild('city'))).toEqual(new Set(['città 1']))
      expect([table.numRows, DataType.isDictionary(table.schema.fields[0]?.type)]).toEqual([69, true])
    }
  })
})
