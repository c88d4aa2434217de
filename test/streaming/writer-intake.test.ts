import { afterEach, describe, expect, it, vi } from 'vitest'
import { WriterIntake } from '../../src/streaming/writer-intake.ts'
import { FakeBatchSink, numbers } from './fake-batch-sink.ts'

afterEach(() => void vi.restoreAllMocks())

describe('what a writer takes in', () => {
  it('has one setup for all rows of a write, however long reading it takes, and another for a later write', async () => {
    let clock = 0
    vi.spyOn(performance, 'now').mockImplementation(() => (clock += 400_000))
    const sink = new FakeBatchSink()
    let made = 0
    sink.prepare = () => Promise.resolve(++made)
    const intake = new WriterIntake(sink, { table: 'T', maxBatchBytes: 1_000, wholeWrites: true, inferRows: undefined })
    const { signal } = new AbortController()
    const setups = async (): Promise<readonly unknown[]> =>
      (await intake.read([numbers(0, 2), numbers(2, 2), numbers(4, 2)], signal)).map(({ setup }) => setup)
    expect(await setups()).toEqual([1, 1, 1])
    expect(await setups()).toEqual([2, 2, 2])
  })

  it('makes nothing ready for a write without rows', async () => {
    const sink = new FakeBatchSink()
    const intake = new WriterIntake(sink, { table: 'T', maxBatchBytes: 1_000, wholeWrites: true, inferRows: undefined })
    expect(await intake.read([], new AbortController().signal)).toEqual([])
    expect(await intake.read([numbers(0, 0)], new AbortController().signal)).toEqual([])
    expect(sink.prepared).toEqual([])
  })
})
