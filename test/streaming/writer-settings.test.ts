import { describe, expect, it } from 'vitest'
import type { WriteOptions } from '../../src/sink/write-settings.ts'
import { fileLog } from '../../src/streaming/file-log.ts'
import { writerSettings } from '../../src/streaming/writer-settings.ts'
import type { AtLeastOnceWriterOptions, BatchingOptions } from '../../src/streaming/writer-settings.ts'

/** A value for each option of a write that the type of a writer's options does not admit; it does not compile without all. */
const OF_ONE_WRITE: Readonly<Record<Exclude<keyof WriteOptions, keyof AtLeastOnceWriterOptions>, unknown>> = {
  replaceTag: 'day',
  stagingTable: 'Staging',
  stagingTimeoutMs: 1_000,
  timeoutMs: 1_000,
  explain: true,
  maxBlobBytes: 5,
  flushFullBlobs: true,
  uploads: 7,
  deduplicateBlobs: 'july',
}

/** As JavaScript calls it. */
const settings = (options: object): unknown => writerSettings(options)
const refusal = (message: RegExp): Error =>
  expect.objectContaining({ code: 'KUSTO_BAD_OPTION', message: expect.stringMatching(message) as string }) as Error
const LOG = { delivery: 'exactly-once', log: fileLog('/nowhere') } as const

describe('the options of a writer', () => {
  it.each(Object.entries(OF_ONE_WRITE))('refuse %s, which it would ignore, and tell what to use', (name, value) => {
    for (const delivery of [{}, { delivery: 'none' }, LOG]) {
      expect(() => settings({ ...delivery, [name]: value })).toThrow(refusal(new RegExp(`found ${name}: \\w+`)))
      expect(() => settings({ ...delivery, [name]: undefined })).not.toThrow()
    }
  })

  it.each(['transactional', 'replace', 'fast', 5])('refuse the mode %s', (mode) => {
    expect(() => settings({ mode })).toThrow(refusal(/'queued' or 'streaming' of a writer, found .*kusto\.write/))
    expect(() => settings({ ...LOG, mode })).toThrow(refusal(/mode 'queued' .*'exactly-once', found/))
  })

  it('refuse streaming exactly once, and an explanation of what is streamed', () => {
    expect(() => settings({ ...LOG, mode: 'streaming' })).toThrow(refusal(/exactly-once/))
    expect(() => settings({ mode: 'streaming', explain: true })).toThrow(refusal(/found explain: kusto\.write/))
  })

  it('keep the other options of a write for the batches', () => {
    const write: Omit<BatchingOptions, 'onEvent'> = { compression: 'snappy', dropByTags: ['a'], encodeWorkers: 0 }
    expect(writerSettings({ ...write, mode: 'queued' })).toMatchObject({ write })
  })
})
