import { readFileSync } from 'node:fs'
import path from 'node:path'
import { KustoConnectionStringBuilder } from 'azure-kusto-data'
import { describe, expect, it } from 'vitest'
import { SPARK_REFUSED, SPARK_SINK_OPTIONS, SPARK_SOURCE_OPTIONS } from '../src/protocol/spark-names.ts'
import { OptionTypes } from './docs/option-types.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

/** The names in the first column of the tables. */
const firstCells = (page: string): ReadonlySet<string> =>
  new Set(
    [...page.matchAll(/^\|([^|]*)\|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([\w.]+)`/g)].map((match) => match[1] ?? ''),
    ),
  )

describe('docs/migrating-from-spark.md', () => {
  const names = firstCells(read('docs/migrating-from-spark.md'))
  const inLowerCase = new Set([...names].map((name) => name.toLowerCase()))

  it('has every option of the Spark connector that is understood or refused', () => {
    expect([...SPARK_SOURCE_OPTIONS, ...SPARK_SINK_OPTIONS].filter((name) => !names.has(name))).toEqual([])
    expect([...SPARK_REFUSED.keys()].filter((name) => !inLowerCase.has(name))).toEqual([])
  })
})

describe('docs/continuous-writing.md', () => {
  it("has every option of Flink's sink that is understood or refused", () => {
    const names = firstCells(read('docs/continuous-writing.md'))
    const known = [...read('src/streaming/flink-writer-options.ts').matchAll(/(?:^ +|\[)'([A-Z][a-z]\w+)',/gm)]
    expect(known.length).toBeGreaterThan(20)
    expect(known.flatMap(([, name = '']) => (names.has(name) ? [] : name))).toEqual([])
  })
})

describe('docs/migrating-from-the-sdk.md', () => {
  const page = read('docs/migrating-from-the-sdk.md')
  const names = firstCells(page)

  it('has every way to sign in of the official builder', () => {
    const ways = Object.getOwnPropertyNames(KustoConnectionStringBuilder).filter(
      (name) => name.startsWith('with') && name !== 'withAadManagedIdentities',
    )
    expect(ways.length).toBeGreaterThan(8)
    expect(ways.filter((name) => !names.has(name))).toEqual([])
  })

  it('has every ingestion property of the official client', () => {
    const declared = read('node_modules/azure-kusto-ingest/types/src/ingestionProperties.d.ts')
    const body = /export interface IngestionPropertiesFields \{\n([\s\S]*?)^\}/m.exec(declared)?.[1] ?? ''
    const properties = [...body.matchAll(/^ {4}(\w+)\??:/gm)].map((match) => match[1] ?? '')
    expect(properties.length).toBeGreaterThan(15)
    expect(properties.filter((name) => !names.has(name))).toEqual([])
  })
})

describe('both pages', () => {
  it('name only options that there are', () => {
    const types = new OptionTypes(
      [
        'connect-settings.ts',
        'source/read-settings.ts',
        'sink/write-settings.ts',
        'sink/write-receipt.ts',
        'streaming/delivery-settings.ts',
      ].map((file) => read(`src/${file}`)),
    )
    const known = new Set(
      ['KustoConnectorOptions', 'ReadOptions', 'WriteOptions', 'CompletedOptions', 'DeliveryOptions'].flatMap((name) =>
        types.membersOf(name).map((member) => member.name),
      ),
    )
    const rows = [...read('docs/migrating-from-spark.md').matchAll(/^\|[^|]*\|([^|]*)\|[^|]*\|$/gm)]
    const words = rows.flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([a-z]\w+)(?::[^`]*)?`/g)].map((match) => match[1] ?? ''),
    )
    const methods = ['read', 'write', 'completed', 'column']
    expect(words.length).toBeGreaterThan(30)
    expect(words.filter((word) => !known.has(word) && !methods.includes(word))).toEqual([])
  })
})
