import { availableParallelism } from 'node:os'
import { describe, expect, it } from 'vitest'
import { writeSettings } from '../../src/sink/write-settings.ts'

describe('writeSettings', () => {
  it('spark:W14 takes blobs beyond 2 and 4 GiB, up to what the service takes', () => {
    for (const bytes of [2 ** 31, 2 ** 32 + 1, 6 * 2 ** 30]) {
      expect(writeSettings({ maxBlobBytes: bytes }).maxBlobBytes).toBe(bytes)
    }
    for (const bytes of [0, -1, 1.5, 6 * 2 ** 30 + 1, NaN]) {
      expect(() => writeSettings({ maxBlobBytes: bytes })).toThrow(/maxBlobBytes/)
    }
  })

  it('leaves a core to the caller, and takes 0 for no threads at all', () => {
    expect(writeSettings().encodeWorkers).toBe(Math.min(4, Math.max(1, availableParallelism() - 1)))
    expect(writeSettings({ encodeWorkers: 0 }).encodeWorkers).toBe(0)
    for (const workers of [-1, 0.5, 65, NaN]) {
      expect(() => writeSettings({ encodeWorkers: workers })).toThrow(/encodeWorkers/)
    }
  })

  it('holds at most 256 MiB unless told otherwise', () => {
    expect(writeSettings().maxBufferedBytes).toBe(268_435_456)
    expect(() => writeSettings({ maxBufferedBytes: 0 })).toThrow(/maxBufferedBytes/)
  })
})
