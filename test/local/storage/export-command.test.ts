import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { ContainerClient } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Catalog, openCatalog } from '../../../src/local/engine/catalog.ts'
import { type Duck, type DuckSession, openDuck } from '../../../src/local/engine/duck.ts'
import { ingestInline, ingestInto } from '../../../src/local/ingest/ingest-commands.ts'
import { type Language, startLanguage } from '../../../src/local/lang/language.ts'
import type { Column } from '../../../src/local/lang/syntax.ts'
import type { Services } from '../../../src/local/services.ts'
import { type LocalStorage, startAzurite } from '../../../src/local/storage/azurite.ts'
import { exportToStorage, planArtifacts } from '../../../src/local/storage/export-command.ts'
import { type ExportClause, exportSettings, keepsExportDetails } from '../../../src/local/storage/export-properties.ts'

let language: Language
let duck: Duck
let catalog: Catalog
let session: DuckSession
let storage: LocalStorage
let services: Services
let folder: string
beforeAll(async () => {
  // A temporary folder of its own: other tests run at the same time.
  folder = await mkdtemp(join(tmpdir(), 'export-test-'))
  process.env['TMPDIR'] = folder
  ;[language, duck, storage] = await Promise.all([startLanguage(), openDuck(), startAzurite()])
  catalog = await openCatalog(duck, { database: 'db', language })
  session = await duck.connect()
  // The parts of the services that an export uses.
  services = { language, duck, catalog, defaultDatabase: 'db', minimumSizeLimit: 1_000 } as unknown as Services
  const columns: readonly Column[] = [
    { name: 'b', type: 'bool' },
    { name: 'i', type: 'int' },
    { name: 'l', type: 'long' },
    { name: 'r', type: 'real' },
    { name: 'd', type: 'decimal' },
    { name: 't', type: 'datetime' },
    { name: 'ts', type: 'timespan' },
    { name: 'g', type: 'guid' },
    { name: 's', type: 'string' },
    { name: 'dy', type: 'dynamic' },
  ]
  await catalog.createTable('db', { name: 'All', columns })
  const data = `true,1,9007199254740993,NaN,-0.000000000000000001,2020-01-02T03:04:05.1234567Z,-1.02:03:04.0000005,74be27de-1e4e-49d9-b579-fe0b331d3642,"a ""q"", é\nx","{""k"":[1,""v""]}"\n,,,,,,,,,\n`
  await ingestInline(services, session, {
    database: 'db',
    table: 'All',
    properties: [],
    data,
    signal: new AbortController().signal,
  })
}, 120_000)
afterAll(async () => {
  session.close()
  catalog.close()
  await Promise.all([duck.close(), language.close(), storage.close()])
  await rm(folder, { recursive: true, force: true })
})

interface Exported {
  readonly path: string
  readonly rows: bigint
  readonly size: bigint
}
const run = async (
  query: string,
  clause: Partial<ExportClause> & { readonly targets?: readonly string[]; readonly signal?: AbortSignal } = {},
): Promise<Exported[]> => {
  const result = await exportToStorage(services, session, {
    database: 'db',
    query,
    targets: [storage.containerSas('export-0')],
    format: 'parquet',
    compressed: true,
    properties: [],
    options: new Map(),
    signal: new AbortController().signal,
    ...clause,
  })
  expect(result.columns.map(({ name }) => name)).toEqual(['Path', 'NumRecords', 'SizeInBytes'])
  return result.rows.map(([path, rows, size]) => ({ path: path as string, rows: rows as bigint, size: size as bigint }))
}
const blob = async ({ path }: Exported): Promise<Buffer> => {
  const container = /\/(export-\d)\//.exec(path)?.[1] ?? ''
  const name = decodeURIComponent(path.slice(path.indexOf(container) + container.length + 1))
  return new ContainerClient(storage.containerSas(container)).getBlobClient(name).downloadToBuffer()
}
let files = 0
const readParquet = async (exported: Exported, sql: (file: string) => string): Promise<unknown[][]> => {
  const file = join(folder, `${files++}.parquet`)
  await writeFile(file, await blob(exported))
  return (await session.rows(sql(`'${file}'`))).map((row) => [...row])
}

describe('export to parquet', () => {
  it('writes the documented types', async () => {
    const [exported] = await run('All', { properties: [['namePrefix', 'types/part']] })
    expect(exported?.path).toMatch(/\/export-0\/types\/part_1_[0-9a-f]{32}\.parquet$/)
    expect(exported?.rows).toBe(2n)
    expect(exported?.size).toBe(BigInt((await blob(exported!)).length))
    const schema = await readParquet(
      exported!,
      (file) => `SELECT name, type, converted_type, scale, precision FROM parquet_schema(${file}) OFFSET 1`,
    )
    expect(schema).toEqual([
      ['b', 'BOOLEAN', null, null, null],
      ['i', 'INT32', 'INT_32', null, null],
      ['l', 'INT64', 'INT_64', null, null],
      ['r', 'DOUBLE', null, null, null],
      ['d', 'FIXED_LEN_BYTE_ARRAY', 'DECIMAL', 18n, 38n],
      ['t', 'INT64', 'TIMESTAMP_MILLIS', null, null],
      ['ts', 'INT64', 'INT_64', null, null],
      ['g', 'BYTE_ARRAY', 'UTF8', null, null],
      ['s', 'BYTE_ARRAY', 'UTF8', null, null],
      ['dy', 'BYTE_ARRAY', 'UTF8', null, null],
    ])
  })

  it('writes exact values, microseconds adjusted to UTC when asked', async () => {
    const [exported] = await run('All', { properties: [['parquetDatetimePrecision', 'microsecond']] })
    const values = await readParquet(
      exported!,
      (file) => `SELECT b, i, l, r::VARCHAR, d::VARCHAR, epoch_us(t), ts, g, s, dy FROM ${file}`,
    )
    expect(values).toContainEqual([
      true,
      1,
      9007199254740993n,
      'nan',
      '-0.000000000000000001',
      1577934245123456n,
      -937840000005n,
      '74be27de-1e4e-49d9-b579-fe0b331d3642',
      'a "q", é\nx',
      '{"k":[1,"v"]}',
    ])
    expect(values).toContainEqual([null, null, null, null, null, null, null, null, '', null])
    const logical = await readParquet(
      exported!,
      (file) => `SELECT logical_type FROM parquet_schema(${file}) WHERE name = 't'`,
    )
    expect(logical[0]?.[0]).toMatch(/isAdjustedToUTC=1.*MicroSeconds/)
    const [coarse] = await run('All')
    expect(
      (await readParquet(coarse!, (file) => `SELECT epoch_us(t::TIMESTAMP) FROM ${file} WHERE t IS NOT NULL`))[0]?.[0],
    ).toBe(1577934245123000n)
  })

  it.each(['gzip', 'snappy', 'lz4_raw', 'brotli', 'zstd'])('compresses with %s', async (codec) => {
    const [exported] = await run('range x from 1 to 10 step 1', { properties: [['compressionType', codec]] })
    expect(
      await readParquet(exported!, (file) => `SELECT DISTINCT compression FROM parquet_metadata(${file})`),
    ).toEqual([[codec.toUpperCase()]])
  })

  it('does not compress without the keyword', async () => {
    const [exported] = await run('range x from 1 to 10 step 1', { compressed: false })
    expect(
      await readParquet(exported!, (file) => `SELECT DISTINCT compression FROM parquet_metadata(${file})`),
    ).toEqual([['UNCOMPRESSED']])
  })

  it('can be ingested again without loss of what the table of types carries', async () => {
    const exported = await run('All | project l, r, d, s, dy')
    await catalog.createTable('db', {
      name: 'Back',
      columns: [
        { name: 'l', type: 'long' },
        { name: 'r', type: 'real' },
        { name: 'd', type: 'decimal' },
        { name: 's', type: 'string' },
        { name: 'dy', type: 'dynamic' },
      ],
    })
    const { signal } = new AbortController()
    const sources = exported.map(({ path }) => `${path};${storage.accountKey}`)
    await ingestInto(services, session, { database: 'db', table: 'Back', properties: [], sources, signal })
    const rows = async (name: string, names: readonly string[]): Promise<unknown> => {
      const table = catalog.requireTable('db', name)
      const columns = names.map((column) => `${table.columns.find((each) => each.name === column)?.physical}::VARCHAR`)
      return session.rows(`SELECT ${columns.join(', ')} FROM ${table.physical} ORDER BY ALL`)
    }
    expect(await rows('Back', ['l', 'r', 'd', 's', 'dy'])).toEqual(await rows('All', ['l', 'r', 'd', 's', 'dy']))
  })
})

describe('export to text', () => {
  it('writes csv and tsv as the service prints values, nothing for null', async () => {
    const [csv] = await run('All', { format: 'csv', compressed: false, properties: [['includeHeaders', 'all']] })
    expect((await blob(csv!)).toString()).toBe(
      'b,i,l,r,d,t,ts,g,s,dy\ntrue,1,9007199254740993,NaN,-0.000000000000000001,2020-01-02T03:04:05.1234567Z,-1.02:03:04.0000005,74be27de-1e4e-49d9-b579-fe0b331d3642,"a ""q"", é\nx","{""k"":[1,""v""]}"\n,,,,,,,,,\n',
    )
    const [tsv] = await run('All | project i, s', {
      format: 'tsv',
      properties: [
        ['encoding', 'UTF8BOM'],
        ['fileExtension', 'txt'],
      ],
    })
    expect(tsv?.path).toMatch(/\.txt\.gz$/)
    expect(gunzipSync(await blob(tsv!)).toString()).toBe('\ufeff1\t"a ""q"", é\nx"\n\t\n')
  })

  it('writes one JSON object per line', async () => {
    const [json] = await run('All | project-away r', { format: 'json', compressed: false })
    const lines = (await blob(json!))
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines[0]).toMatchObject({
      b: true,
      i: 1,
      d: '-0.000000000000000001',
      t: '2020-01-02T03:04:05.1234567Z',
      s: 'a "q", é\nx',
      dy: { k: [1, 'v'] },
    })
    expect((await blob(json!)).toString()).toContain('"l":9007199254740993')
    expect(lines[1]).toMatchObject({ b: null, s: '', dy: null })
  })

  it('writes the header once or into each artifact', async () => {
    const properties = [
      ['sizeLimit', '1000'],
      ['distribution', 'single'],
    ] as const
    const headers = async (kind: string): Promise<number> => {
      const exported = await run('range x from 1 to 1000 step 1 | extend s = "text"', {
        format: 'csv',
        compressed: false,
        properties: [...properties, ['includeHeaders', kind]],
      })
      expect(exported.length).toBeGreaterThan(3)
      const texts = await Promise.all(exported.map(blob))
      expect(texts[0]?.toString().startsWith('x,s\n')).toBe(kind !== 'none')
      return texts.filter((text) => text.toString().startsWith('x,s\n')).length / exported.length
    }
    expect(await headers('none')).toBe(0)
    expect(await headers('firstFile')).toBeLessThan(0.5)
    expect(await headers('all')).toBe(1)
  })
})

describe('artifacts', () => {
  it('are none for no rows', async () => {
    expect(await run('All | where i == 77')).toEqual([])
  })

  it('hold every row once, stay below the size limit and go round the targets', async () => {
    const targets = [`${storage.blobUrl}/export-0/a b;${storage.accountKey}`, storage.containerSas('export-1')]
    const exported = await run('range x from 1 to 20000 step 1 | extend s = strcat("row ", x)', {
      format: 'csv',
      compressed: false,
      targets,
      properties: [['sizeLimit', '100000']],
    })
    expect(exported.length).toBeGreaterThan(2)
    expect(exported.map(({ path }) => /\/(export-0\/a%20b|export-1)\//.exec(path)?.[1])).toEqual(
      exported.map((_, index) => ['export-0/a%20b', 'export-1'][index % 2]),
    )
    expect(exported.every(({ size }) => size <= 100_000n)).toBe(true)
    expect(exported.reduce((sum, { rows }) => sum + rows, 0n)).toBe(20_000n)
    const lines = (await Promise.all(exported.map(blob))).flatMap((text) => text.toString().trim().split('\n'))
    expect(new Set(lines).size).toBe(20_000)
  })

  it('are several for several row groups, by distribution', async () => {
    const count = async (...properties: [string, string][]): Promise<number> =>
      (await run('range x from 1 to 10000 step 1', { properties: [['parquetRowGroupSize', '2048'], ...properties] }))
        .length
    expect([
      await count(),
      await count(['distribution', 'per_node']),
      await count(['distribution', 'single']),
      await count(['distributed', 'false']),
    ]).toEqual([4, 2, 1, 1])
  })

  it('leave nothing behind in the temporary folder, also after a failure and an abort', async () => {
    await expect(
      run('All', { targets: [`${storage.blobUrl}/no-such-container;${storage.accountKey}`] }),
    ).rejects.toMatchObject({ code: 'BadRequest_StorageAccess', status: 400 })
    await expect(run('All', { targets: [`${storage.blobUrl}/export-0;d3Jvbmc=`] })).rejects.toMatchObject({
      code: 'BadRequest_StorageAccess',
    })
    const reason = new Error('enough')
    await expect(run('range x from 1 to 100000 step 1', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect((await readdir(folder)).filter((name) => name.startsWith('kusto-arrow-export-'))).toEqual([])
    session.close()
    session = await duck.connect()
  })

  it('refuse names that DuckDB would change', async () => {
    await expect(run('print a = 1, A = 2')).rejects.toMatchObject({ code: 'BadRequest_NotSupportedByEmulator' })
    const [csv] = await run('print a = 1, A = 2', {
      format: 'csv',
      compressed: false,
      properties: [['includeHeaders', 'all']],
    })
    expect((await blob(csv!)).toString()).toBe('a,A\n1,2\n')
  })
})

describe('export properties', () => {
  const settings = (properties: readonly (readonly [string, string])[], format = 'parquet') =>
    exportSettings({ format, compressed: true, properties }, 100 * 1024 * 1024)

  it('have the documented defaults', () => {
    expect(settings([])).toEqual({
      format: 'parquet',
      compression: 'gzip',
      namePrefix: undefined,
      fileExtension: '.parquet',
      includeHeaders: 'none',
      byteOrderMark: false,
      distribution: 'per_shard',
      sizeLimit: 104_857_600,
      rowGroupRows: 100_000,
      datetimePrecision: 'millisecond',
    })
    expect(keepsExportDetails([], true)).toBe(true)
    expect(keepsExportDetails([['PersistDetails', 'true']], false)).toBe(true)
  })

  it.each([
    [[['color', 'red']], 'parquet'],
    [[['sizeLimit', '104857599']], 'parquet'],
    [[['sizeLimit', '4294967297']], 'parquet'],
    [[['sizeLimit', 'many']], 'parquet'],
    [[['compressionType', 'lzo']], 'parquet'],
    [[['compressionType', 'snappy']], 'csv'],
    [[['includeHeaders', 'all']], 'parquet'],
    [[['includeHeaders', 'some']], 'csv'],
    [[['parquetRowGroupSize', '0']], 'parquet'],
    [[['parquetDatetimePrecision', 'tick']], 'parquet'],
    [[['distribution', 'per_disk']], 'csv'],
    [[['distributed', 'perhaps']], 'csv'],
    [
      [
        ['sizeLimit', '104857600'],
        ['SIZELIMIT', '104857600'],
      ],
      'csv',
    ],
    [[['useNativeParquetWriter', 'maybe']], 'parquet'],
    [[['encoding', 'UTF16']], 'csv'],
    [[], 'orc'],
  ] as const)('refuse %j for %s', (properties, format) => {
    expect(() => settings(properties, format)).toThrow(expect.objectContaining({ status: 400, permanent: true }))
  })

  it('cut a result by its measured width', () => {
    const base = { distribution: 'single', sizeLimit: 1_000, rowGroupRows: 100_000 } as const
    expect(planArtifacts(0, 0, base)).toEqual([])
    expect(planArtifacts(10, 100, base)).toEqual([10])
    expect(planArtifacts(250, 2_500, base)).toEqual([83, 83, 84])
    expect(planArtifacts(3, 9_000, base)).toEqual([1, 1, 1])
    expect(planArtifacts(300_000, 3_000, { ...base, distribution: 'per_shard' })).toEqual(
      [100_000, 100_000, 100_000].map(() => 100_000),
    )
  })
})
