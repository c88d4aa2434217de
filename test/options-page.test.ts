import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { typeSettings } from '../src/arrow/scalar-types.ts'
import { benchmarkSettings } from '../src/benchmark/benchmark-settings.ts'
import { connectSettings } from '../src/connect-settings.ts'
import { readCacheSettings } from '../src/source/read-cache.ts'
import { readSettings } from '../src/source/read-settings.ts'
import { writeSettings } from '../src/sink/write-settings.ts'
import { deliverySettings } from '../src/streaming/delivery-settings.ts'
import { exactlyOnceSettings } from '../src/streaming/exactly-once-settings.ts'
import { fileLog } from '../src/streaming/file-log.ts'
import { ingestSettings } from '../src/streaming/ingest-settings.ts'
import { streamingWriteSettings } from '../src/streaming/streaming-write-settings.ts'
import { writerSettings } from '../src/streaming/writer-settings.ts'
import { OptionTypes } from './docs/option-types.ts'
import { optionsPage, untold } from './docs/options-page.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const sources = readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith('local') && !file.startsWith('cli'))
  .map((file) => readFileSync(path.join(ROOT, 'src', file), 'utf8'))
const types = new OptionTypes(sources)

/** The names that a file gives to `checkNames` as its list. */
function checkedNames(file: string): readonly string[] {
  const list = /^const NAMES[^=]*= \[([\s\S]*?)^\]/m.exec(readFileSync(path.join(ROOT, 'src', file), 'utf8'))?.[1] ?? ''
  return [...list.matchAll(/'(\w+)'/g)].map((match) => match[1] ?? '')
}

describe('docs/options.md', () => {
  it('is what the types say; -u writes it', async () => {
    await expect(optionsPage(types)).toMatchFileSnapshot('../docs/options.md')
  })

  it('says of every option what it does', () => {
    expect(untold(types)).toEqual([])
  })

  it.each([
    ['KustoConnectorOptions', 'connect-settings.ts'],
    ['ReadOptions', 'source/read-settings.ts'],
    ['WriteOptions', 'sink/write-settings.ts'],
  ])('has every name that the code takes as one of %s', (name, file) => {
    const names = types.membersOf(name).map((member) => member.name)
    expect(names.length).toBeGreaterThan(5)
    expect(names.toSorted()).toEqual(checkedNames(file).toSorted())
  })
})

/** What the code makes of options without those that have a default, by the types' names. */
const SETTINGS: Readonly<Record<string, object>> = {
  KustoConnectorOptions: connectSettings({ cluster: 'http://127.0.0.1:1', database: 'db1' }),
  ReadOptions: readSettings(),
  TypeOptions: typeSettings(),
  ReadCacheOptions: readCacheSettings({ ttlMs: 1 }),
  WriteOptions: writeSettings(),
  StreamingWriteOptions: streamingWriteSettings({ mode: 'streaming' }),
  DeliveryOptions: deliverySettings({}),
  SourceOptions: ingestSettings({ format: 'csv' }, () => 'csv'),
  BatchingOptions: writerSettings({}).writer,
  AtLeastOnceWriterOptions: writerSettings({}).writer,
  ExactlyOnceOptions: exactlyOnceSettings({ log: fileLog('log') }),
  BenchmarkOptions: benchmarkSettings({}),
}

const UNITS: Readonly<Record<string, number>> = { MiB: 1024 ** 2, GiB: 1024 ** 3 }

/** The value that a told default begins with; undefined where it is told in words. */
function valueOf(told: string): unknown {
  const [, text, amount, unit, flag] =
    /^(?:`(\w[\w-]*)`|([\d,]+)(?: (MiB|GiB))?(?![\d.])|(true|false)\b)/.exec(told) ?? []
  if (text !== undefined) return text
  if (amount !== undefined) return Number(amount.replaceAll(',', '')) * (UNITS[unit ?? ''] ?? 1)
  return flag === undefined ? undefined : flag === 'true'
}

describe('the defaults that docs/options.md tells', () => {
  it('are those that the code takes', () => {
    const compared = Object.entries(SETTINGS).flatMap(([name, settings]) =>
      types.get(name).own.flatMap(({ name: option, defaultText }) => {
        const told = valueOf(defaultText)
        const found = (settings as Readonly<Record<string, unknown>>)[option]
        // What stays undefined is off, or left to the service.
        return told === undefined || found === undefined ? [] : [{ option: `${name}.${option}`, told, found }]
      }),
    )
    expect(compared.length).toBeGreaterThan(45)
    expect(compared.filter(({ told, found }) => told !== found)).toEqual([])
  })

  it('are read from words, texts, numbers and sizes', () => {
    expect(
      ['`us`', '256 MiB', '3,600,000 (one hour)', 'true in its own', 'cores - 1', '500,000, the'].map(valueOf),
    ).toEqual(['us', 268_435_456, 3_600_000, true, undefined, 500_000])
  })
})

describe('reading option types', () => {
  const sample = new OptionTypes([
    `export type Mode =\n  | 'a'\n  | 'b'\n
/** Of a thing. */
export interface Base {
  /** One. Default \`a\`: the first. */
  readonly mode?: Mode
  /**
   * Two lines
   * of text.
   */
  readonly list: readonly string[]
  readonly more?:
    | { readonly kind: 'x' }
    | undefined
}
export interface Derived extends Omit<Base, 'list' | 'more'>, Pick<Other, keyof Base | 'size'> {
  readonly own?: () => void
}
export interface Other {
  /** How large, \`1\` (default) or 2. */
  readonly size?: number
  readonly left?: boolean
}
`,
  ])

  it('takes comments, defaults and unions of texts', () => {
    expect(sample.get('Base').description).toBe('Of a thing.')
    expect(
      sample.membersOf('Base').map(({ type, description, defaultText }) => [type, description, defaultText]),
    ).toEqual([
      ["'a' | 'b'", 'One.', '`a`: the first'],
      ['string[]', 'Two lines of text.', ''],
      ["{ kind: 'x' } | undefined", '', ''],
    ])
  })

  it('follows extends, Omit, Pick and keyof', () => {
    expect(sample.membersOf('Derived').map(({ name, declaredBy }) => `${declaredBy}.${name}`)).toEqual([
      'Derived.own',
      'Base.mode',
      'Other.size',
    ])
    expect(sample.membersOf('Derived').at(-1)?.defaultText).toBe('`1`')
  })
})
