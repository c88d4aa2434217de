import { Field, Int32, Schema } from 'apache-arrow'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { KustoNetworkError, KustoServiceError } from '../../src/errors.ts'
import { KustoWriter } from '../../src/streaming/kusto-writer.ts'
import type { OnWriterEvent, WriterEvent } from '../../src/streaming/writer-events.ts'
import { writerSettings } from '../../src/streaming/writer-settings.ts'
import type { WriterOptions } from '../../src/streaming/writer-settings.ts'
import { FakeBatchSink, numbers } from './fake-batch-sink.ts'

const events: WriterEvent[] = []
const warnings: string[] = []
const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): void => void unhandled.push(reason)

beforeEach(() => {
  events.length = 0
  warnings.length = 0
  unhandled.length = 0
  process.on('unhandledRejection', onUnhandled)
})

afterEach(async () => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  await new Promise<void>((resolve) => void setImmediate(resolve))
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

function open(options: WriterOptions = {}): { sink: FakeBatchSink; writer: KustoWriter; acked: unknown[] } {
  const sink = new FakeBatchSink()
  const acked: unknown[] = []
  const { writer } = writerSettings({
    onAck: (position) => void acked.push(position),
    onEvent: (event) => void events.push(event as WriterEvent),
    ...options,
  })
  const warn = (message: string): void => void warnings.push(message)
  return { sink, writer: new KustoWriter('T', sink, { ...writer, warn }), acked }
}

const reasons = (): readonly string[] =>
  events.flatMap((event) => (event.kind === 'batch-sealed' ? [event.reason] : []))
const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, i) => from + i)

describe('triggers', () => {
  it('streaming:C2 end a batch by rows, bytes, flush, another schema and the end, each told', async () => {
    const { sink, writer } = open({ maxBatchRows: 10, maxBatchBytes: 36 })
    sink.through = true
    await writer.write(numbers(0, 9))
    await writer.write(numbers(9, 1))
    await writer.flush()
    await writer.write(
      numbers(10, 1, new Schema([new Field('n', new Int32(), true, new Map([['kusto:type', 'long']]))])),
    )
    await writer.write(numbers(11, 1))
    await writer.close()
    expect(reasons()).toEqual(['bytes', 'flush', 'schema', 'end'])
    const rows = open({ maxBatchRows: 3 })
    rows.sink.through = true
    await rows.writer.write(numbers(0, 7))
    expect(await rows.writer.close()).toEqual({ rows: 7, batches: 3 })
    expect(rows.sink.arrived).toEqual([range(0, 3), range(3, 6), range(6, 7)])
    expect(rows.writer.metrics().batches).toMatchObject({ rows: 2, end: 1 })
  })

  it('streaming:T18 streaming:C3 age ends a batch of an idle source, counted from its oldest row', async () => {
    vi.useFakeTimers()
    const { sink, writer } = open({ maxBatchAgeMs: 1000 })
    await writer.write(numbers(0, 1))
    await vi.advanceTimersByTimeAsync(600)
    await writer.write(numbers(1, 1))
    await vi.advanceTimersByTimeAsync(399)
    expect(sink.sent).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(sink.sent.map(({ rows, reason }) => [rows, reason])).toEqual([[2, 'age']])
    await vi.advanceTimersByTimeAsync(5000)
    expect(sink.sent).toHaveLength(1)
    await writer.abort()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('streaming:T37 age is counted by a clock that nobody sets', async () => {
    vi.useFakeTimers()
    const { sink, writer } = open({ maxBatchAgeMs: 1000 })
    await writer.write(numbers(0, 1))
    vi.setSystemTime(Date.now() - 86_400_000)
    await vi.advanceTimersByTimeAsync(999)
    vi.setSystemTime(Date.now() + 2 * 86_400_000)
    expect(sink.sent).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(sink.sent).toHaveLength(1)
    await writer.abort()
  })

  it('streaming:T35 streaming:C55 leaves the options it was given as they are, and shares nothing with them', async () => {
    const options = Object.freeze({
      maxBatchRows: 2,
      ingestByTags: Object.freeze(['a']),
      additionalTags: Object.freeze(['b']),
    })
    const before = structuredClone(options)
    for (let use = 0; use < 2; use++) {
      const { sink, writer } = open(options)
      sink.through = true
      await writer.write(numbers(0, 5))
      await writer.close()
      expect(sink.arrived).toEqual([range(0, 2), range(2, 4), range(4, 5)])
    }
    expect(options).toEqual(before)
  })

  it('memory ends the open batch, which would hold what the next rows wait for', async () => {
    const { sink, writer } = open({ maxBatchBytes: 100, maxBufferedBytes: 100 })
    await writer.write(numbers(0, 20))
    const waiting = writer.write(numbers(20, 20))
    await sink.holds(1)
    expect(reasons()).toEqual(['memory'])
    expect(writer.metrics().inFlightBytes).toBe(80)
    sink.let(0)
    expect((await waiting).rows).toBe(20)
    sink.through = true
    await writer.close()
    expect(sink.arrived.flat()).toEqual(range(0, 40))
  })

  it('tells once that batches are small', async () => {
    vi.useFakeTimers()
    const { sink, writer } = open({ maxBatchAgeMs: 10 })
    sink.through = true
    for (let index = 0; index < 8; index++) {
      await writer.write(numbers(index, 1))
      await vi.advanceTimersByTimeAsync(10)
    }
    await writer.close()
    expect(events.filter(({ kind }) => kind === 'small-batches')).toEqual([{ kind: 'small-batches', averageBytes: 4 }])
  })
})

describe('acknowledgement', () => {
  it('streaming:C13 gives positions back in order, each when all before it are done', async () => {
    const { sink, writer, acked } = open({ maxBatchRows: 2 })
    for (const index of [0, 1, 2]) await writer.write(numbers(2 * index, 2), { position: `p${index}` })
    await sink.holds(3)
    sink.let(2)
    sink.let(1)
    await new Promise<void>((resolve) => void setImmediate(resolve))
    expect(acked).toEqual([])
    sink.let(0)
    await writer.close()
    expect(acked).toEqual(['p0', 'p1', 'p2'])
  })

  it('flush counts the rows that are written, not those that wait behind them', async () => {
    const { sink, writer } = open()
    await writer.write(numbers(0, 10))
    const flushed = writer.flush()
    await sink.holds(1)
    await writer.write(numbers(10, 90))
    sink.let(0)
    expect(await flushed).toEqual({ rows: 10, batches: 1 })
    sink.through = true
    expect(await writer.close()).toEqual({ rows: 100, batches: 2 })
  })

  it('waits for the batch with the last row of a write that several batches share', async () => {
    const { sink, writer, acked } = open({ maxBatchRows: 3 })
    const written = await writer.write(numbers(0, 4), { position: 'four' })
    await sink.holds(1)
    sink.let(0)
    let done = false
    const acknowledged = written.acknowledged().then(() => (done = true))
    await new Promise<void>((resolve) => void setImmediate(resolve))
    expect({ done, acked }).toEqual({ done: false, acked: [] })
    const flushed = writer.flush()
    await sink.holds(1)
    sink.let(1)
    await Promise.all([acknowledged, flushed])
    expect(acked).toEqual(['four'])
    await writer.close()
  })

  it('acknowledges a write without rows with those before it, and sends nothing for it', async () => {
    const { sink, writer, acked } = open()
    await writer.write(numbers(0, 0), { position: 1 })
    expect(acked).toEqual([1])
    await writer.write(numbers(0, 1), { position: 2 })
    await writer.write([], { position: 3 })
    expect(acked).toEqual([1])
    sink.through = true
    await writer.close()
    expect(acked).toEqual([1, 2, 3])
    expect(sink.sent).toHaveLength(1)
  })
})

describe('failures', () => {
  const permanent = new KustoServiceError('KUSTO_X', 'no', { status: 400 })

  it('streaming:T24 streaming:C9 surface on everything that waits and on the next call, and are never unhandled', async () => {
    const { sink, writer, acked } = open({ maxBatchRows: 1, maxBatchBytes: 4, maxBufferedBytes: 4 })
    const written = await writer.write(numbers(0, 1), { position: 0 })
    await sink.holds(1)
    const waiting = [writer.write(numbers(1, 1)), written.acknowledged(), writer.closed]
    sink.fail(0, permanent)
    for (const settled of await Promise.allSettled(waiting)) expect(settled).toMatchObject({ reason: permanent })
    await expect(writer.write(numbers(2, 1))).rejects.toBe(permanent)
    await expect(writer.flush()).rejects.toBe(permanent)
    await expect(writer.close()).rejects.toBe(permanent)
    expect(sink.sent).toHaveLength(1)
    expect(acked).toEqual([])
    await writer[Symbol.asyncDispose]()
  })

  it('in the background reach whoever disposes, when nobody was told before', async () => {
    const { sink, writer } = open({ maxBatchRows: 1 })
    await writer.write(numbers(0, 1))
    await sink.holds(1)
    sink.fail(0, permanent)
    await new Promise<void>((resolve) => void setImmediate(resolve))
    await expect(writer[Symbol.asyncDispose]()).rejects.toBe(permanent)
    await writer[Symbol.asyncDispose]()
  })

  it('that may pass are tried again, within bounds', async () => {
    // Full jitter of nothing: no wait.
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { sink, writer } = open({ maxBatchRows: 1, retryTimeoutMs: 60_000 })
    const passing = new KustoNetworkError('KUSTO_Y', 'gone', { retryable: true })
    await writer.write(numbers(0, 1))
    for (let attempt = 1; attempt <= 2; attempt++) {
      await sink.holds(1)
      sink.fail(0, passing)
    }
    await sink.holds(1)
    sink.let(0)
    await writer.flush()
    expect(writer.metrics()).toMatchObject({ retries: { KUSTO_Y: 2 }, acknowledgedRows: 1 })
    sink.through = true
    await writer.close()
  })

  it('of what is written leave the writer as it was, none of it taken', async () => {
    const { sink, writer } = open()
    await writer.write(numbers(0, 1))
    sink.refusal = new Error('does not fit')
    const other = new Schema([new Field('m', new Int32())])
    await expect(writer.write(numbers(1, 1, other))).rejects.toThrow('does not fit')
    await expect(writer.write([{ n: 1 }, 5 as never])).rejects.toThrow(/row/)
    sink.refusal = undefined
    sink.through = true
    await writer.write(numbers(2, 1))
    expect(await writer.close()).toEqual({ rows: 2, batches: 1 })
    expect(sink.arrived).toEqual([[0, 2]])
  })

  it('streaming:T39 streaming:C18 of a batch go to the dead letter, and the others arrive', async () => {
    const letters: unknown[] = []
    const { sink, writer, acked } = open({
      maxBatchRows: 1,
      deadLetter: async ({ sequence, rows, error }) => void letters.push([sequence, rows, error]),
    })
    for (const index of [0, 1, 2]) await writer.write(numbers(index, 1), { position: index })
    await sink.holds(3)
    sink.fail(1, permanent)
    sink.let(2)
    sink.let(0)
    expect(await writer.close()).toEqual({ rows: 2, batches: 2 })
    expect(letters).toEqual([[1, 1, permanent]])
    expect(acked).toEqual([0, 1, 2])
    expect(writer.metrics()).toMatchObject({ acknowledgedRows: 2, rejectedRows: 1 })
  })

  it('of a batch and of the dead letter that should have taken it are both told', async () => {
    const thrown = new Error('disk full')
    const deadLetter = (): never => {
      throw thrown
    }
    const { sink, writer } = open({ deadLetter })
    const written = await writer.write(numbers(0, 10))
    const closing = writer.close()
    await sink.holds(1)
    sink.fail(0, permanent)
    const error: unknown = await closing.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'KUSTO_DEAD_LETTER_FAILED', cause: { errors: [permanent, thrown] } })
    await expect(written.acknowledged()).rejects.toBe(error)
    await expect(writer.closed).rejects.toBe(error)
  })

  it('streaming:C14 with delivery none are counted and told, and the writer goes on', async () => {
    const { sink, writer } = open({ maxBatchRows: 1, delivery: 'none' })
    await writer.write(numbers(0, 1))
    await sink.holds(1)
    sink.fail(0, permanent)
    sink.through = true
    await writer.write(numbers(1, 1))
    expect(await writer.close()).toEqual({ rows: 1, batches: 1 })
    expect(events.find(({ kind }) => kind === 'batch-rejected')).toMatchObject({ to: 'nowhere', error: permanent })
    expect(sink.arrived).toEqual([[1]])
  })
})

describe('an onEvent that throws', () => {
  const thrown = new Error('listener')
  const throwingAt =
    (kind: WriterEvent['kind']): OnWriterEvent =>
    (event) => {
      if (event.kind === kind) throw thrown
    }

  it('when a batch ends by its age is the failure of the writer, told to all who wait, and of no timer', async () => {
    vi.useFakeTimers()
    const { sink, writer } = open({ maxBatchAgeMs: 20, onEvent: throwingAt('batch-sealed') })
    const written = await writer.write(numbers(0, 3), { position: 0 })
    const waiting = Promise.allSettled([written.acknowledged(), writer.closed])
    await vi.advanceTimersByTimeAsync(20)
    for (const settled of await waiting) expect(settled).toMatchObject({ reason: thrown })
    await expect(writer.flush()).rejects.toBe(thrown)
    await expect(writer.close()).rejects.toBe(thrown)
    expect(sink.sent).toEqual([])
    expect(writer.metrics()).toMatchObject({ inFlightBytes: 0, bufferedRows: 0, inFlightBatches: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('when a batch is full is the failure of the write that filled it, and holds no memory', async () => {
    const { sink, writer } = open({ maxBatchRows: 2, onEvent: throwingAt('batch-sealed') })
    await expect(writer.write(numbers(0, 5))).rejects.toBe(thrown)
    await expect(writer.write(numbers(5, 1))).rejects.toBe(thrown)
    await expect(writer.closed).rejects.toBe(thrown)
    await writer.abort()
    expect(sink.sent).toEqual([])
    expect(writer.metrics()).toMatchObject({ inFlightBytes: 0, bufferedRows: 0, inFlightBatches: 0 })
  })

  it('when a batch is flushed is the failure of that flush', async () => {
    const { writer } = open({ onEvent: throwingAt('batch-sealed') })
    await writer.write(numbers(0, 5))
    await expect(writer.flush()).rejects.toBe(thrown)
    await expect(writer.close()).rejects.toBe(thrown)
  })

  it.each(['batch-stage', 'batch-done'] as const)('at %s gives no written batch to a dead letter', async (kind) => {
    const letters: unknown[] = []
    const deadLetter = (): void => void letters.push('a letter')
    const { sink, writer } = open({ onEvent: throwingAt(kind), deadLetter })
    sink.through = true
    await writer.write(numbers(0, 5))
    await expect(writer.close()).rejects.toBe(thrown)
    await expect(writer.closed).rejects.toBe(thrown)
    expect([letters, sink.arrived]).toEqual([[], [range(0, 5)]])
  })
})

it('an onAck that throws is the failure of the writer', async () => {
  const thrown = new Error('cannot be saved')
  const onAck = (): never => {
    throw thrown
  }
  const written = open({ onAck })
  written.sink.through = true
  await written.writer.write(numbers(0, 1), { position: 1 })
  await expect(written.writer.flush()).rejects.toBe(thrown)
  const empty = open({ onAck })
  await expect(empty.writer.write([], { position: 1 })).rejects.toBe(thrown)
  await expect(empty.writer.closed).rejects.toBe(thrown)
})

describe('the end', () => {
  it('streaming:C8 streaming:C10 abort discards, sends nothing more, and leaves no timer', async () => {
    vi.useFakeTimers()
    const { sink, writer } = open({ maxBatchRows: 2, maxInFlightBatches: 1 })
    await writer.write(numbers(0, 5))
    await sink.holds(1)
    const reason = new Error('enough')
    await writer.abort(reason)
    expect(sink.sent).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
    await expect(writer.write(numbers(9, 1))).rejects.toMatchObject({ code: 'KUSTO_WRITER_CLOSED' })
    await expect(writer.closed).rejects.toBe(reason)
    expect(writer.metrics()).toMatchObject({ inFlightBytes: 0, bufferedRows: 0, inFlightBatches: 0 })
  })

  it('streaming:T23 comes by a signal too, while a write waits for memory', async () => {
    const stop = new AbortController()
    const { sink, writer } = open({ maxBatchBytes: 4, maxBufferedBytes: 4, signal: stop.signal })
    await writer.write(numbers(0, 1))
    const waiting = writer.write(numbers(1, 1))
    await sink.holds(1)
    stop.abort(new Error('stop'))
    await expect(waiting).rejects.toThrow('stop')
    await expect(writer.closed).rejects.toThrow('stop')
    expect(sink.arrived).toEqual([])
  })

  describe('where the sink cannot let go', () => {
    const stuck = new Error('the log cannot be released')
    function openStuck(options: WriterOptions = {}): ReturnType<typeof open> {
      const opened = open(options)
      opened.sink.through = true
      opened.sink.close = () => Promise.reject(stuck)
      return opened
    }

    it('a signal ends the writer all the same, and the log tells what is left', async () => {
      const stop = new AbortController()
      const { writer } = openStuck({ signal: stop.signal })
      await writer.write(numbers(0, 1))
      const reason = new Error('enough')
      stop.abort(reason)
      await expect(writer.closed).rejects.toBe(reason)
      await expect(writer.close()).rejects.toBe(reason)
      expect(warnings).toEqual(['the writer to table T could not let go: Error: the log cannot be released'])
      await writer[Symbol.asyncDispose]()
    })

    it('abort tells it', async () => {
      const { writer } = openStuck()
      await expect(writer.abort(new Error('enough'))).rejects.toBe(stuck)
    })

    it('close and closed tell it, and nothing is open', async () => {
      const { writer } = openStuck()
      await writer.write(numbers(0, 1))
      const closing = writer.close()
      for (const settled of await Promise.allSettled([closing, writer.closed])) {
        expect(settled).toMatchObject({ reason: stuck })
      }
      await expect(writer.write(numbers(1, 1))).rejects.toBe(stuck)
      expect(writer.close()).toBe(closing)
      await writer[Symbol.asyncDispose]()
    })

    it('the failure that ended the writer is the one that is told', async () => {
      const { sink, writer } = openStuck()
      sink.through = false
      await writer.write(numbers(0, 1))
      const closing = writer.close()
      await sink.holds(1)
      const failure = new KustoServiceError('KUSTO_X', 'no', { status: 400 })
      sink.fail(0, failure)
      await expect(closing).rejects.toBe(failure)
      await expect(writer.closed).rejects.toBe(failure)
      expect(warnings).toHaveLength(1)
    })
  })

  it('streaming:T24 what fails behind batches that count as done ends the writer while nobody writes', async () => {
    const sink = new FakeBatchSink()
    sink.through = true
    let fail: ((error: unknown) => void) | undefined
    const behind = new Error('behind')
    const close = (): Promise<never> => Promise.reject(behind)
    Object.assign(sink, { watch: (onFailure: typeof fail) => void (fail = onFailure), close })
    const warn = (text: string): void => void warnings.push(text)
    const writer = new KustoWriter('T', sink, { ...writerSettings({}).writer, warn })
    await writer.write(numbers(0, 1))
    await writer.flush()
    fail?.(behind)
    await expect(writer.closed).rejects.toBe(behind)
    await expect(writer.write(numbers(1, 1))).rejects.toBe(behind)
    expect(warnings).toEqual([])
  })

  it('what waits behind the batches fails, and close and closed tell it', async () => {
    const { sink, writer } = open()
    sink.through = true
    const behind = new Error('behind')
    let isLetGo = false
    Object.assign(sink, { drain: () => Promise.reject(behind), close: async () => void (isLetGo = true) })
    await writer.write(numbers(0, 1))
    await expect(writer.close()).rejects.toBe(behind)
    expect(isLetGo).toBe(true)
    await expect(writer.closed).rejects.toBe(behind)
  })

  it('an abort while close waits for what is behind the batches is the end of both', async () => {
    const { sink, writer } = open()
    sink.through = true
    let pass: (() => void) | undefined
    const drained = new Promise<void>((resolve) => (pass = resolve))
    const draining = new Promise<void>((resolve) => {
      Object.assign(sink, { drain: () => (resolve(), drained) })
    })
    await writer.write(numbers(0, 1))
    const closing = writer.close()
    await draining
    const reason = new Error('enough')
    await writer.abort(reason)
    pass?.()
    await expect(closing).rejects.toBe(reason)
    await expect(writer.closed).rejects.toBe(reason)
    await expect(writer.write(numbers(1, 1))).rejects.toThrow(/found it aborted/)
  })

  it('close takes writes that were called before it, once, and is the end', async () => {
    const { sink, writer } = open()
    sink.through = true
    const writes = [writer.write(numbers(0, 1)), writer.write(numbers(1, 1))]
    const [first, second] = [writer.close(), writer.close()]
    expect(first).toBe(second)
    await Promise.all(writes)
    expect(await first).toEqual({ rows: 2, batches: 1 })
    await writer.closed
    await expect(writer.flush()).rejects.toMatchObject({ code: 'KUSTO_WRITER_CLOSED' })
    await writer.abort()
    await writer[Symbol.asyncDispose]()
  })

  it('a write that is aborted while it waits is not taken at all', async () => {
    const { sink, writer } = open({ maxBatchBytes: 4, maxBufferedBytes: 4 })
    await writer.write(numbers(0, 1))
    const stop = new AbortController()
    const waiting = writer.write(numbers(1, 3), { signal: stop.signal })
    await sink.holds(1)
    stop.abort(new Error('never mind'))
    await expect(waiting).rejects.toThrow('never mind')
    sink.let(0)
    sink.through = true
    await writer.write(numbers(5, 1))
    await writer.close()
    expect(sink.arrived).toEqual([[0], [5]])
  })
})

it('keeps the process alive while somebody waits for rows whose batch ends by its age, and not otherwise', async () => {
  const started = vi.spyOn(globalThis, 'setTimeout')
  const { sink, writer } = open({ maxBatchAgeMs: 50 })
  sink.through = true
  const rows = await writer.write(numbers(0, 1))
  const lastTimer = (): NodeJS.Timeout | undefined => started.mock.results.at(-1)?.value as NodeJS.Timeout | undefined
  const timer = lastTimer()
  expect(timer?.hasRef()).toBe(false)
  await expect(rows.acknowledged(AbortSignal.abort(new Error('never mind')))).rejects.toThrow('never mind')
  expect(timer?.hasRef()).toBe(false)
  const waiting = rows.acknowledged()
  expect(timer?.hasRef()).toBe(true)
  await waiting
  await writer.write(numbers(1, 1))
  expect(lastTimer()?.hasRef()).toBe(false)
  await writer.close()
})

describe('streaming:T23 a signal of one call', () => {
  it('ends it while it waits for its turn, none of its rows taken', async () => {
    const { sink, writer } = open({ maxBatchBytes: 4, maxBufferedBytes: 4 })
    await writer.write(numbers(0, 1))
    const blocked = writer.write(numbers(1, 1))
    await sink.holds(1)
    const stop = new AbortController()
    const calls = [writer.write(numbers(2, 1), { signal: stop.signal }), writer.flush({ signal: stop.signal })]
    const reason = new Error('never mind')
    stop.abort(reason)
    for (const settled of await Promise.allSettled(calls)) expect(settled).toMatchObject({ reason })
    sink.through = true
    sink.let(0)
    await blocked
    await writer.write(numbers(3, 1))
    await writer.close()
    expect(sink.arrived).toEqual([[0], [1], [3]])
  })

  it('ends it while the log is opened, which goes on', async () => {
    const { sink, writer } = open()
    sink.through = true
    let opened: (() => void) | undefined
    const opening = new Promise<void>((begun) => {
      Object.assign(sink, { open: () => (begun(), new Promise<void>((resolve) => (opened = resolve))) })
    })
    const stop = new AbortController()
    const waiting = writer.write(numbers(0, 1), { signal: stop.signal })
    await opening
    const reason = new Error('never mind')
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    opened?.()
    await writer.write(numbers(1, 1))
    await writer.close()
    expect(sink.arrived).toEqual([[1]])
  })
})

it('streaming:C7 every row arrives once and in order, whatever the limits, and memory stays within its bound', async () => {
  const limits = fc.record({
    maxBatchRows: fc.integer({ min: 1, max: 9 }),
    maxBatchBytes: fc.integer({ min: 4, max: 64 }),
    maxInFlightBatches: fc.integer({ min: 1, max: 3 }),
    more: fc.nat(100),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 15 }), limits, async (writes, { more, ...most }) => {
      const maxBufferedBytes = most.maxBatchBytes + more
      const { sink, writer, acked } = open({ ...most, maxBufferedBytes })
      sink.through = true
      let next = 0
      let peak = 0
      const taken = writes.map(async (count, position) => {
        const first = next
        next += count
        await writer.write(numbers(first, count), { position })
        peak = Math.max(peak, writer.metrics().inFlightBytes)
      })
      await Promise.all(taken)
      await writer.close()
      expect(sink.arrived.flat()).toEqual(range(0, next))
      expect(acked).toEqual(writes.map((_, position) => position))
      // What is taken at a time ends after the row that fills it.
      expect(peak).toBeLessThanOrEqual(maxBufferedBytes + 4)
      expect(writer.metrics()).toMatchObject({ acceptedRows: next, acknowledgedRows: next, inFlightBytes: 0 })
    }),
    { numRuns: 200 },
  )
})
