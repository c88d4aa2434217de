import { describe, expect, it } from 'vitest'
import type { WriteOptions } from '../../src/sink/write-settings.ts'
import { writeSettings } from '../../src/sink/write-settings.ts'
import { writerSettings } from '../../src/streaming/writer-settings.ts'
import type { BatchingOptions } from '../../src/streaming/writer-settings.ts'

type Transactional = 'replaceTag' | 'stagingTable' | 'stagingTimeoutMs' | 'timeoutMs'

/** A value for each, so that it does not compile when the type of a writer's options admits one. */
const TRANSACTIONAL: Readonly<Required<Pick<WriteOptions, Exclude<Transactional, keyof BatchingOptions>>>> = {
  replaceTag: 'day',
  stagingTable: 'Staging',
  stagingTimeoutMs: 1_000,
  timeoutMs: 1_000,
}

describe('the options of a writer', () => {
  it.each(Object.entries(TRANSACTIONAL))('refuse %s, which is for transactional writes', (name, value) => {
    expect(() => writeSettings(writerSettings({ [name]: value }).write)).toThrow(
      expect.objectContaining({ code: 'KUSTO_BAD_OPTION', message: expect.stringContaining(name) as string }) as Error,
    )
  })
})
