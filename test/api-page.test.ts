import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import * as connector from '../src/index.ts'
import * as local from '../src/local/index.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

const page = read('docs/api.md')
const embeddedPage = read('docs/embedded-kusto.md')

const CLASSES: Readonly<Record<string, { readonly prototype: object }>> = {
  KustoConnector: connector.KustoConnector,
  KustoRead: connector.KustoRead,
  ReadPartitions: connector.ReadPartitions,
  KustoCommand: connector.KustoCommand,
  WriteReceipt: connector.WriteReceipt,
  IngestReceipt: connector.IngestReceipt,
  ClusterOperation: connector.ClusterOperation,
  KustoWriter: connector.KustoWriter,
  MicroBatchSink: connector.MicroBatchSink,
}

/** The public names of a class and of those it extends. */
function namesOf(prototype: object | null): readonly string[] {
  if (prototype === null || prototype === Object.prototype) return []
  const own = Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor')
  return [...own, ...namesOf(Object.getPrototypeOf(prototype) as object | null)]
}

const isOn = (text: string, name: string): boolean => new RegExp(`\\b${name}\\b`).test(text)
const hasRow = (text: string, option: string): boolean => text.includes(`\n| \`${option}\` |`)

/** The names between the braces of `export { ... } from`, types included. */
const exportedNames = (file: string): readonly string[] =>
  [...read(file).matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap((match) =>
    (match[1] ?? '').split(',').flatMap((name) => name.trim() || []),
  )

/** The names of the properties of an interface, whose members stand two blanks in. */
function membersOf(file: string, name: string): readonly string[] {
  const body = new RegExp(`^export interface ${name} \\{$([\\s\\S]*?)^\\}$`, 'm').exec(read(file))?.[1] ?? ''
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map((match) => match[1] ?? '')
}

const eventKinds = (file: string): readonly string[] =>
  [...read(file).matchAll(/readonly kind: '([\w-]+)'/g)].map((match) => match[1] ?? '')

describe('docs/api.md', () => {
  it('names every export', () => {
    const names = [...exportedNames('src/index.ts'), ...exportedNames('src/local/index.ts')]
    expect(names.length).toBeGreaterThan(40)
    expect(Object.keys(connector).filter((name) => !names.includes(name))).toEqual([])
    expect(
      [...names, ...Object.keys(local), 'LocalKusto', 'LocalKustoOptions'].filter((name) => !isOn(page, name)),
    ).toEqual([])
  })

  it.each([
    ['src/connect-settings.ts', 'KustoConnectorOptions'],
    ['src/source/read-settings.ts', 'ReadOptions'],
    ['src/source/kusto-command.ts', 'CommandOptions'],
    ['src/arrow/scalar-types.ts', 'TypeOptions'],
    ['src/sink/write-settings.ts', 'WriteOptions'],
    ['src/sink/write-receipt.ts', 'CompletedOptions'],
    ['src/streaming/delivery-settings.ts', 'DeliveryOptions'],
    ['src/benchmark/benchmark-settings.ts', 'BenchmarkOptions'],
    ['src/streaming/exactly-once-settings.ts', 'ExactlyOnceOptions'],
  ])('has a row for every option of %s %s', (file, name) => {
    const members = membersOf(file, name)
    expect(members.length).toBeGreaterThan(2)
    expect(members.filter((member) => !hasRow(page, member))).toEqual([])
  })

  it('has a row for every event', () => {
    const kinds = [
      ...eventKinds('src/source/read-events.ts'),
      ...eventKinds('src/sink/write-events.ts'),
      ...eventKinds('src/streaming/streaming-events.ts'),
      ...eventKinds('src/streaming/writer-events.ts'),
    ]
    expect(kinds.length).toBeGreaterThan(10)
    expect(kinds.filter((kind) => !hasRow(page, kind))).toEqual([])
  })

  it.each(Object.entries(CLASSES))('names every public member of %s', (_name, { prototype }) => {
    expect(namesOf(prototype).filter((member) => !isOn(page, member))).toEqual([])
  })
})

describe('docs/embedded-kusto.md', () => {
  it('has a row for every option of startLocalKusto, with its default', () => {
    const members = membersOf('src/local/index.ts', 'LocalKustoOptions')
    expect(members.filter((member) => !hasRow(embeddedPage, member))).toEqual([])
    const memoryLimit = /memoryLimit: ('\w+')/.exec(read('src/local/index.ts'))?.[1] ?? ''
    expect(embeddedPage).toContain(`| \`memoryLimit\` | \`string\` | \`${memoryLimit}\` |`)
  })

  it('names every part of a fault rule', () => {
    const members = ['FaultMatch', 'FaultAction', 'FaultRule'].flatMap((name) => membersOf('src/local/faults.ts', name))
    expect(members.length).toBeGreaterThan(12)
    expect(members.filter((member) => !isOn(embeddedPage, member))).toEqual([])
  })
})
