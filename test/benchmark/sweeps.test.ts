import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultExportSweep, exportPoints } from '../../src/benchmark/export-sweep.ts'
import { DEFAULT_WRITE_SWEEP, writePoints } from '../../src/benchmark/write-sweep.ts'

const labels = (points: readonly { configuration: { label: string } }[]): readonly string[] =>
  points.map(({ configuration }) => configuration.label)

describe('the sweep of an export', () => {
  it('is every combination, with a single query once', () => {
    const points = exportPoints({ mode: ['single', 'distributed'], partitions: [1, 4], workers: [1, 2] })
    expect(labels(points)).toEqual([
      'single query',
      '1 partition, 1 worker, snappy',
      '1 partition, 2 workers, snappy',
      '4 partitions, 1 worker, snappy',
      '4 partitions, 2 workers, snappy',
    ])
    expect(points.map(({ configuration }) => configuration.id)).toEqual(['c1', 'c2', 'c3', 'c4', 'c5'])
    expect(points[0]?.options).toEqual({ mode: 'single' })
    expect(points[4]?.options).toEqual({ mode: 'distributed', partitions: 4, workers: 2, compression: 'snappy' })
  })

  it('has as many configurations as the product of its lists', () => {
    const list = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(list, list, (partitions, workers) => {
        const points = exportPoints({ partitions, workers })
        expect(points.length).toBe(partitions.length * workers.length)
        expect(new Set(labels(points)).size).toBe(points.length)
      }),
    )
  })

  it('tells partitions by the service, by hash and by range apart', () => {
    const points = exportPoints({
      partitions: [2],
      workers: [1],
      partitionBy: ['service', { kind: 'hash', column: 'a' }, { kind: 'range', column: 't', bounds: 'quantiles' }],
      sizeLimit: ['service', 200_000_000],
    })
    expect(points.map(({ configuration }) => configuration.parameters['partitionBy'])).toEqual([
      'service',
      'service',
      'hash(a)',
      'hash(a)',
      'range(t, quantiles)',
      'range(t, quantiles)',
    ])
    expect(points.filter(({ options }) => options.sizeLimit === 200_000_000).length).toBe(3)
  })

  it('takes as many partitions as given bounds make', () => {
    const [point] = exportPoints([{ partitionBy: { kind: 'range', column: 'n', bounds: [10, 20] }, workers: 1 }])
    expect(point?.configuration.parameters).toMatchObject({ partitions: 3, partitionBy: 'range(n, 10, 20)' })
  })

  it.each([
    [{ partition: [1] }, /found partition$/],
    [{ partitions: [] }, /sweep.partitions/],
    [{ partitions: 4 }, /sweep.partitions/],
    [{ workers: [0] }, /workers to be a whole number/],
    [{ compression: ['lzma'] }, /compression/],
    [[{ mode: 'auto' }], /'single' or 'distributed'/],
    [[], /at least one/],
    [
      { partitions: Array.from({ length: 40 }, (_, n) => n + 1), workers: Array.from({ length: 40 }, (_, n) => n + 1) },
      /at most 1000/,
    ],
  ])('refuses %j', (sweep, message) => {
    expect(() => exportPoints(sweep as Parameters<typeof exportPoints>[0])).toThrow(message)
  })

  it('compares by default the single query, partitions and workers, codecs, and partitions by a column', () => {
    const columns = [
      { name: 'when', type: 'datetime' },
      { name: 'who', type: 'string' },
    ] as const
    const two = labels(exportPoints(defaultExportSweep(2, columns)))
    expect(two).toContain('single query')
    expect(two).toContain('4 partitions, 2 workers, snappy')
    expect(two).toContain('2 partitions, 2 workers, zstd')
    expect(two).toContain('2 partitions, by hash(who), 2 workers, snappy')
    expect(two).toContain('2 partitions, by range(when), 2 workers, snappy')
    expect(two.length).toBe(11)
    expect(labels(exportPoints(defaultExportSweep(16, []))).length).toBeLessThanOrEqual(18)
  })
})

describe('the sweep of a write', () => {
  it('has CSV once, whatever the codecs of Parquet are', () => {
    const points = writePoints({ format: ['parquet', 'csv'], compression: ['zstd', 'snappy'], encodeWorkers: [1] })
    expect(labels(points)).toEqual([
      'Parquet zstd, blobs of 64 MiB, 3 uploads, 1 thread',
      'Parquet snappy, blobs of 64 MiB, 3 uploads, 1 thread',
      'CSV, blobs of 64 MiB, 3 uploads, 1 thread',
    ])
    expect(points[2]?.options).not.toHaveProperty('compression')
  })

  it('varies blob size and uploads by default, and compares formats', () => {
    const points = writePoints(DEFAULT_WRITE_SWEEP)
    expect(new Set(points.map(({ options }) => options.maxBlobBytes)).size).toBe(2)
    expect(new Set(points.map(({ options }) => options.uploads)).size).toBe(2)
    expect(new Set(points.map(({ options }) => options.format)).size).toBe(2)
  })

  it.each([[{ blobBytes: [1] }], [{ uploads: [0] }], [[]]])('refuses %j', (sweep) => {
    expect(() => writePoints(sweep as Parameters<typeof writePoints>[0])).toThrow(/expected/)
  })
})
