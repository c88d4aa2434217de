import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { readBatches } from '../src/arrow/batches.ts'
import type { BatchInput, WriterInput } from '../src/index.ts'

const ROOT = path.resolve(import.meta.dirname, '..')

interface Manifest {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly bin: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as Manifest

/** Packages imported by the files below a folder, statically or by import(), require() or resolve(). */
function packagesUsed(folder: string, filter: (file: string) => boolean = () => true): ReadonlySet<string> {
  const names = new Set<string>()
  for (const file of readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || !filter(file)) continue
    const text = readFileSync(path.join(ROOT, folder, file), 'utf8')
    for (const match of text.matchAll(
      /(?:from|import|import\(|resolve\()\s*'((?:@[\w-]+\/)?[a-z][\w.-]*)(?:\/[^']*)?'/g,
    )) {
      const name = match[1] ?? ''
      if (!builtinModules.includes(name) && name !== 'node') names.add(name)
    }
  }
  return names
}

describe('package.json', () => {
  it('names types first in every export and points to files that the build makes', () => {
    for (const [entry, target] of Object.entries(manifest.exports)) {
      if (typeof target === 'string') continue
      expect(Object.keys(target)[0], entry).toBe('types')
      for (const file of Object.values(target)) expect(existsSync(path.join(ROOT, file)), file).toBe(true)
    }
    for (const file of Object.values(manifest.bin)) expect(existsSync(path.join(ROOT, file)), file).toBe(true)
  })

  it('pins every dependency and development dependency exactly', () => {
    const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    )
    expect(loose).toEqual([])
  })

  it('declares what src imports, and nothing that src does not import', () => {
    const used = packagesUsed('src')
    const declared = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)])
    expect([...used].filter((name) => !declared.has(name) && name !== 'kusto-arrow')).toEqual([])
    expect(Object.keys(manifest.dependencies).filter((name) => !used.has(name))).toEqual([])
  })

  it('has only optional peers', () => {
    for (const name of Object.keys(manifest.peerDependencies)) {
      expect(manifest.peerDependenciesMeta[name]?.optional, name).toBe(true)
      expect(manifest.devDependencies[name], `${name} is tested`).toBeDefined()
    }
  })

  it('loads optional peers from the rooms that say so in their own messages, never from the data path', () => {
    const apart = [
      'local',
      'benchmark',
      path.join('streaming', 'arm-clusters.ts'),
      path.join('streaming', 'publish-metrics.ts'),
    ]
    const used = packagesUsed('src', (file) => !apart.some((prefix) => file.startsWith(prefix)))
    expect(Object.keys(manifest.peerDependencies).filter((name) => used.has(name))).toEqual([])
  })

  it('loads in a process that has no side effects of its own', async () => {
    const entry = await import('../src/index.ts')
    expect(Object.keys(entry)).toContain('KustoConnector')
  })
})

/** A row as users declare one: an interface, which has no index signature. */
interface Flight {
  readonly origin: string
  readonly delay?: number
}

// What npm run typecheck checks; the blocks of the pages are compiled against the built declarations too.
describe('types of what is written', () => {
  it('take rows of an interface, one by one and in every kind of list', async () => {
    const flights: readonly Flight[] = [{ origin: 'ATL', delay: 75 }, { origin: 'LAX' }]
    async function* coming(): AsyncGenerator<Flight> {
      yield* flights
    }
    const inputs: readonly BatchInput[] = [flights, coming(), new Set(flights)]
    for (const input of inputs) {
      const { schema } = await readBatches(input)
      expect(schema.names).toEqual(['origin', 'delay'])
    }
    const once: readonly (WriterInput | undefined)[] = [flights, flights[0]]
    expect(once).toHaveLength(2)
  })

  it('take no text, and no stream where one row or a list of rows is wanted', async () => {
    // @ts-expect-error text is not bytes
    await expect(readBatches('origin,delay')).rejects.toMatchObject({ code: 'KUSTO_BAD_INPUT' })
    // @ts-expect-error a stream goes to writeStream
    const stream: WriterInput = (async function* () {})()
    expect(stream).toBeDefined()
  })
})
