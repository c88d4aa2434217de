import { ContainerClient } from '@azure/storage-blob'
import { Float64, Int32, Table, Utf8, vectorFromArray } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector, benchmarkExport, benchmarkWrite, compareBenchmarks, kql } from '../../src/index.ts'
import type { BenchmarkResult } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'

const ROWS = 5000

let local: LocalKusto
let kusto: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
  const command = `.set Numbers <| range n from 1 to ${ROWS} step 1
    | project n, At = datetime(2026-01-01) + n * 1s, Name = strcat('name ', n % 7), Value = iff(n % 5 == 0, real(null), n / 3.0), Ok = n % 2 == 0, Id = toguid(strcat('00000000-0000-4000-8000-', substring(tostring(1000000000000 + n), 1)))`
  await kusto.command(command).rows()
})

afterAll(async () => {
  await kusto.close()
  await local.close()
})

const tables = async (): Promise<readonly string[]> =>
  (await kusto.command('.show tables').rows()).rows.map((row) => row.text('TableName'))

describe('benchmarkExport on the embedded Kusto', () => {
  let result: BenchmarkResult

  beforeAll(async () => {
    result = await benchmarkExport(kusto, 'Numbers', {
      repetitions: 3,
      sweep: [
        { mode: 'single' },
        { mode: 'distributed', partitions: 1, workers: 1 },
        { mode: 'distributed', partitions: 3, workers: 2, compression: 'zstd' },
        { mode: 'distributed', partitions: 2, workers: 2, partitionBy: { kind: 'hash', column: 'Name' } },
        { mode: 'distributed', partitions: 3, workers: 2, partitionBy: { kind: 'range', column: 'At' } },
      ],
    })
  })

  it('reads the same rows in every way, and counts every run', () => {
    expect(result.answers.map(({ rows }) => rows)).toEqual([ROWS])
    expect(Object.keys(result.answers[0]?.columns ?? {})).toEqual([
      'n',
      'At',
      'Name',
      'Value',
      'Ok',
      'Id',
      '(whole rows)',
    ])
    expect(result.runs.filter(({ outcome }) => outcome === 'measured').length).toBe(15)
    expect(result.runs.filter(({ outcome }) => outcome === 'warm-up').length).toBe(3)
    expect(result.summaries.map(({ runs }) => runs)).toEqual([3, 3, 3, 3, 3])
    expect([result.end, result.service.isEmbedded]).toEqual(['complete', true])
  })

  it('tells rows, bytes, blobs and requests of each phase', () => {
    const of = (id: string) => result.summaries.find(({ configuration }) => configuration === id)
    const exported = of('c2')
    expect(exported?.phases['command']?.requests).toBeGreaterThanOrEqual(2)
    expect(exported?.phases['wait']).toMatchObject({ rows: ROWS, blobs: exported?.blobs })
    expect(exported?.phases['download']).toMatchObject({ rows: ROWS, bytes: exported?.bytes, blobs: exported?.blobs })
    expect(exported?.phases['decode']).toMatchObject({ rows: ROWS, bytes: exported?.bytes })
    expect(exported?.phases['delivery']?.rows).toBe(ROWS)
    expect(exported?.phases['delivery']?.bytes).toBeGreaterThan(ROWS * 40)
    const phases = Object.values(exported?.phases ?? {})
    expect(exported?.requests).toBe(phases.reduce((sum, { requests }) => sum + requests, 0))
    expect(of('c4')?.phases['wait']?.blobs).toBeGreaterThanOrEqual(2)
    const single = of('c1')
    expect(single?.phases['wait']).toMatchObject({ seconds: { median: 0 }, requests: 0 })
    expect(single?.phases['download']).toMatchObject({ rows: ROWS, bytes: single?.bytes })
    expect([single?.blobs, single?.requests]).toEqual([0, 1])
  })

  it('divides a run among its phases, and sees memory in the ones that take time', () => {
    for (const { measures } of result.runs) {
      const shared = Object.values(measures?.phases ?? {}).reduce((sum, { sharedSeconds }) => sum + sharedSeconds, 0)
      expect(shared).toBeLessThanOrEqual((measures?.seconds ?? 0) * 1.001)
      expect(measures?.peakMemoryBytes).toBeGreaterThanOrEqual(measures?.startMemoryBytes ?? Infinity)
      expect(measures?.phases['command']?.peakMemoryBytes).toBeGreaterThan(10e6)
      expect(measures?.peakMemoryBytes).toBeGreaterThanOrEqual(measures?.phases['command']?.peakMemoryBytes ?? Infinity)
    }
  })

  it('survives JSON, and finds no regression against itself', () => {
    const again: unknown = JSON.parse(JSON.stringify(result))
    expect(again).toEqual(result)
    expect(compareBenchmarks(again, result).hasRegression).toBe(false)
  })

  it('leaves no blob behind', async () => {
    const { rows } = await kusto.command('.show export containers', { endpoint: 'ingestion' }).rows()
    const left: string[] = []
    for (const row of rows) {
      for await (const blob of new ContainerClient(row.text('StorageRoot')).listBlobsFlat()) left.push(blob.name)
    }
    expect(rows.length).toBeGreaterThan(0)
    expect(left).toEqual([])
  })
})

describe('benchmarkExport', () => {
  it('measures the caller’s own work on batches as delivery', async () => {
    let rows = 0
    const { runs } = await benchmarkExport(kusto, kql`Numbers | where n <= 100`, {
      repetitions: 1,
      warmups: 0,
      holdBytes: 0,
      sweep: { mode: ['single', 'distributed'], partitions: [2], workers: [1] },
      deliver: (batch) => void (rows += batch.numRows),
    })
    expect(rows).toBe(200)
    expect(runs.map(({ outcome }) => outcome)).toEqual(['measured', 'measured'])
  })

  it('does not count runs of a query that gives other rows each time, and says so', async () => {
    const { runs, answers } = await benchmarkExport(kusto, kql`Numbers | take 50 | extend r = rand()`, {
      repetitions: 3,
      warmups: 0,
      sweep: { mode: ['single'] },
    })
    expect(answers.length).toBe(3)
    expect(runs.filter(({ outcome }) => outcome === 'different').length).toBe(2)
    expect(runs.find(({ outcome }) => outcome === 'different')?.error?.message).toMatch(/found others in .*r/)
  })

  it('keeps what was measured when it is aborted in the middle, and stops the run', async () => {
    const stop = new AbortController()
    const result = await benchmarkExport(kusto, 'Numbers', {
      signal: stop.signal,
      repetitions: 50,
      sweep: { mode: ['single', 'distributed'], partitions: [2], workers: [1] },
      onEvent: (event) => {
        if (event.kind === 'run-started' && event.index === 6) stop.abort(new Error('enough'))
      },
    })
    expect(result.end).toBe('aborted')
    expect(result.runs.length).toBe(5)
    expect(result.recommendation.sentence).not.toBe('')
  })

  it('fails with the service’s own error when no run can work', async () => {
    const failing = benchmarkExport(kusto, 'Absent', { sweep: { mode: ['single'] } })
    await expect(failing).rejects.toMatchObject({ name: 'KustoServiceError' })
  })

  it.each([[{ sweeps: [] }], [{ read: { mode: 'single' } }], [{ read: { workers: 2 } }], [{ holdBytes: -1 }]])(
    'refuses %j',
    async (options) => {
      await expect(benchmarkExport(kusto, 'Numbers', options as object)).rejects.toMatchObject({
        code: 'KUSTO_BAD_OPTION',
      })
    },
  )
})

describe('benchmarkWrite on the embedded Kusto', () => {
  const data = new Table({
    n: vectorFromArray(
      Array.from({ length: 3000 }, (_, n) => n),
      new Int32(),
    ),
    s: vectorFromArray(
      Array.from({ length: 3000 }, (_, n) => (n % 9 === 0 ? '' : `text, ${n}`)),
      new Utf8(),
    ),
    r: vectorFromArray(
      Array.from({ length: 3000 }, (_, n) => (n % 4 === 0 ? null : n / 7)),
      new Float64(),
    ),
  })

  it('writes the same rows in every way, and drops its tables', async () => {
    const before = await tables()
    const result = await benchmarkWrite(kusto, data, {
      repetitions: 3,
      sweep: [
        { format: 'parquet', uploads: 1 },
        { format: 'parquet', compression: 'none', maxBlobBytes: 16_384, uploads: 3 },
        { format: 'csv', encodeWorkers: 0 },
      ],
    })
    expect(result.answers.map(({ rows }) => rows)).toEqual([3000])
    expect(result.runs.map(({ outcome }) => outcome).filter((outcome) => outcome === 'measured').length).toBe(9)
    const small = result.summaries.find(({ configuration }) => configuration === 'c2')
    expect(small?.blobs).toBeGreaterThan(1)
    expect(small?.phases['upload']).toMatchObject({ rows: 3000, blobs: small?.blobs, bytes: small?.bytes })
    expect(small?.phases['encode']?.rows).toBe(3000)
    expect(small?.phases['queue']?.requests).toBeGreaterThanOrEqual(1)
    expect(small?.requests).toBeGreaterThan(small?.blobs ?? Infinity)
    expect(await tables()).toEqual(before)
  })

  it('drops the table of the run that is broken off', async () => {
    const before = await tables()
    const stop = new AbortController()
    const result = await benchmarkWrite(kusto, data, {
      repetitions: 5,
      signal: stop.signal,
      sweep: { format: ['csv'] },
      onEvent: (event) => {
        if (event.kind === 'run-started' && event.index === 3) setImmediate(() => stop.abort(new Error('enough')))
      },
    })
    expect(result.end).toBe('aborted')
    expect(await tables()).toEqual(before)
  })

  it('wants rows', async () => {
    await expect(benchmarkWrite(kusto, data.slice(0, 0))).rejects.toMatchObject({ code: 'KUSTO_BAD_OPTION' })
  })
})
