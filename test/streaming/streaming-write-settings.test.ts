import { describe, expect, it } from 'vitest'
import type { WriteOptions } from '../../src/index.ts'
import { streamingWriteSettings } from '../../src/streaming/streaming-write-settings.ts'
import type { StreamingWriteOptions } from '../../src/streaming/streaming-write-settings.ts'

/** What streaming does with each option of a queued write; a new option must be put here, which the compiler sees to. */
const OPTIONS: Readonly<Record<keyof WriteOptions, 'used' | 'refused' | 'unknown'>> = {
  mode: 'used',
  create: 'used',
  adjustSchema: 'used',
  format: 'used',
  ingestionMappingReference: 'used',
  inferRows: 'used',
  flushImmediately: 'used',
  signal: 'used',
  onEvent: 'used',
  requestId: 'unknown',
  explain: 'unknown',
  compression: 'refused',
  maxBlobBytes: 'refused',
  uploads: 'refused',
  encodeWorkers: 'refused',
  maxBufferedBytes: 'refused',
  ingestionStorage: 'refused',
  deleteIngestedBlobs: 'refused',
  flushFullBlobs: 'refused',
  dropByTags: 'refused',
  ingestByTags: 'refused',
  additionalTags: 'refused',
  ingestIfNotExists: 'refused',
  deduplicateBlobs: 'refused',
  creationTime: 'refused',
  ingestionMapping: 'refused',
  ignoreFirstRecord: 'refused',
  validationPolicy: 'refused',
  sourceLocationColumn: 'refused',
  replaceTag: 'refused',
  stagingTable: 'refused',
  stagingTimeoutMs: 'refused',
  timeoutMs: 'refused',
}

describe('streamingWriteSettings', () => {
  it('streaming:C41 spark:W29 takes no option of a queued write in silence', () => {
    for (const [name, does] of Object.entries(OPTIONS).filter(([, each]) => each !== 'used')) {
      const options = { mode: 'streaming', [name]: 'given' } as unknown as StreamingWriteOptions
      const code = does === 'refused' ? 'KUSTO_NOT_STREAMABLE' : 'KUSTO_BAD_OPTION'
      expect(() => streamingWriteSettings(options), name).toThrow(expect.objectContaining({ code }) as Error)
      if (does === 'refused') {
        expect(streamingWriteSettings({ ...options, dropUnsupported: true }).dropped, name).toEqual([name])
      }
    }
  })

  it('streaming:C4 refuses values out of range', () => {
    for (const odd of [
      { maxRequestBytes: 0 },
      { maxRequestBytes: 10 * 1024 * 1024 + 1 },
      { concurrency: 65 },
      { retryTimeoutMs: 0.5 },
      { inferRows: 0 },
      { fallback: 'queue' },
      { onAmbiguous: 'ignore' },
      { format: 'parquet' },
    ]) {
      const options = { mode: 'streaming', ...odd } as StreamingWriteOptions
      expect(() => streamingWriteSettings(options)).toThrow(new RegExp(Object.keys(odd)[0] ?? ''))
    }
  })

  it('streaming:C35 defaults to the 4 MiB that the service documents', () => {
    expect(streamingWriteSettings({ mode: 'streaming' })).toMatchObject({
      maxRequestBytes: 4_194_304,
      concurrency: 8,
      fallback: 'queued',
      continueWhenUnavailable: true,
      onAmbiguous: 'retry',
      format: 'csv',
      adjustSchema: 'ByName',
    })
  })

  it('streaming:C55 leaves the options it was given as they are', () => {
    const options = Object.freeze({
      mode: 'streaming',
      dropByTags: Object.freeze(['x']),
      dropUnsupported: true,
    } as const)
    expect(streamingWriteSettings(options).dropped).toEqual(['dropByTags'])
    expect(options).toEqual({ mode: 'streaming', dropByTags: ['x'], dropUnsupported: true })
  })
})
