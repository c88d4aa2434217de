import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { RecordBatch } from 'apache-arrow'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { KustoServiceError } from '../../src/errors.ts'
import { KustoWriter } from '../../src/streaming/kusto-writer.ts'
import { feed } from '../../src/streaming/write-stream.ts'
import { acknowledgingTransform, nodeWritable, writableStream } from '../../src/streaming/writer-streams.ts'
import { writerSettings } from '../../src/streaming/writer-settings.ts'
import type { WriterOptions } from '../../src/streaming/writer-settings.ts'
import { FakeBatchSink, numbers } from './fake-batch-sink.ts'

const FEED = { positionOf: undefined, rowsAtOnce: 100, waitMs: 50, signal: undefined }

function open(options: WriterOptions = {}): { sink: FakeBatchSink; writer: KustoWriter } {
  const sink = new FakeBatchSink()
  return { sink, writer: new KustoWriter('T', sink, writerSettings(options).writer) }
}

/** A source that says nothing more after its first rows. */
const oneAndNoMore = (): ReadableStream<RecordBatch> =>
  new ReadableStream({ start: (controller) => controller.enqueue(numbers(0, 1)) })

function sayingNoMore(stream: Readable): Readable {
  stream.push(numbers(0, 1))
  return stream
}

const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, i) => from + i)

const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): void => void unhandled.push(reason)
/** After everything that is settled by now has been told. */
const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', onUnhandled)
})

afterEach(async () => {
  vi.useRealTimers()
  await settled()
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

describe('streaming:C1 a source', () => {
  it('of rows is gathered, with the position of the last row of each chunk', async () => {
    const acked: unknown[] = []
    const { sink, writer } = open({ onAck: (position) => void acked.push(position) })
    sink.through = true
    const source = Readable.from(range(0, 250).map((n) => ({ n })))
    const positionOf = ({ n }: { readonly n: number }, index: number): string => `${n}/${index}`
    expect(await feed(writer, source, { ...FEED, positionOf })).toEqual({ rows: 250, batches: 1 })
    expect(sink.arrived.flat()).toEqual(range(0, 250))
    expect(acked).toEqual(['99/99', '199/199', '249/249'])
  })

  it('of batches, tables and rows in turn keeps their order', async () => {
    const { sink, writer } = open()
    sink.through = true
    async function* source(): AsyncGenerator {
      yield numbers(0, 3)
      yield { n: 3 }
      yield { n: 4 }
      yield numbers(5, 1)
    }
    expect((await feed(writer, source(), FEED)).rows).toBe(6)
    expect(sink.arrived.flat()).toEqual(range(0, 6))
  })

  it('streaming:T18 that is slow holds back no row for longer than the wait', async () => {
    vi.useFakeTimers()
    const { sink, writer } = open({ maxBatchAgeMs: 100 })
    sink.through = true
    let end: (() => void) | undefined
    async function* source(): AsyncGenerator {
      yield { n: 0 }
      await new Promise<void>((resolve) => (end = resolve))
    }
    const feeding = feed(writer, source(), FEED)
    await vi.advanceTimersByTimeAsync(150)
    expect(sink.arrived).toEqual([[0]])
    end?.()
    await feeding
  })

  it('streaming:T22 streaming:T23 that is fast waits for the sink; one that fails ends the writer with its error', async () => {
    const { sink, writer } = open({ maxBatchBytes: 40, maxBufferedBytes: 80, maxInFlightBatches: 1 })
    let pulled = 0
    async function* source(): AsyncGenerator {
      for (;;) {
        pulled++
        if (pulled === 8) throw new Error('source is broken')
        yield numbers(pulled * 10, 10)
      }
    }
    const feeding = feed(writer, source(), FEED)
    await sink.holds(1)
    await new Promise<void>((resolve) => void setImmediate(resolve))
    expect(pulled).toBeLessThanOrEqual(3)
    sink.through = true
    sink.let(0)
    await expect(feeding).rejects.toThrow('source is broken')
    await expect(writer.closed).rejects.toThrow('source is broken')
    const before = sink.sent.length
    await new Promise<void>((resolve) => void setImmediate(resolve))
    expect(sink.sent).toHaveLength(before)
  })

  it('is ended when the writer fails, even in the middle of a read that never answers', async () => {
    const { sink, writer } = open({ maxBatchRows: 1 })
    let returned = false
    const source: AsyncIterable<unknown> = {
      [Symbol.asyncIterator]: () => {
        let first = true
        return {
          next: () => {
            const value = { done: false, value: numbers(0, 1) } as const
            if (!first) return new Promise(() => undefined)
            first = false
            return Promise.resolve(value)
          },
          return: () => {
            returned = true
            return Promise.resolve({ done: true, value: undefined })
          },
        }
      },
    }
    const feeding = feed(writer, source, FEED)
    await sink.holds(1)
    const error = new KustoServiceError('KUSTO_X', 'no', { status: 400 })
    sink.fail(0, error)
    await expect(feeding).rejects.toBe(error)
    expect(returned).toBe(true)
  })

  it('that fails while it is ended in the middle of a read has failed too late to be told', async () => {
    const { sink, writer } = open({ maxBatchRows: 1 })
    let answer: (() => void) | undefined
    let ended = false
    const disconnect = (): never => {
      ended = true
      throw new Error('disconnect failed')
    }
    async function* source(): AsyncGenerator {
      try {
        yield numbers(0, 1)
        await new Promise<void>((resolve) => (answer = resolve))
        yield numbers(1, 1)
      } finally {
        disconnect()
      }
    }
    const feeding = feed(writer, source(), FEED)
    await sink.holds(1)
    const error = new KustoServiceError('KUSTO_X', 'no', { status: 400 })
    sink.fail(0, error)
    await expect(feeding).rejects.toBe(error)
    answer?.()
    await settled()
    expect(ended).toBe(true)
  })

  it('that fails is told although the sink cannot let go', async () => {
    const { sink, writer } = open()
    sink.close = () => Promise.reject(new Error('the log cannot be released'))
    async function* source(): AsyncGenerator {
      yield numbers(0, 1)
      throw new Error('source is broken')
    }
    await expect(feed(writer, source(), FEED)).rejects.toThrow('source is broken')
    await expect(writer.closed).rejects.toThrow('source is broken')
  })

  it('streaming:T20 without elements writes nothing', async () => {
    const { sink, writer } = open()
    expect(await feed(writer, [], FEED)).toEqual({ rows: 0, batches: 0 })
    expect(sink.sent).toEqual([])
  })
})

describe('streaming:C1 a writer', () => {
  it('is a Web stream to pipe into', async () => {
    const { sink, writer } = open()
    sink.through = true
    await ReadableStream.from([numbers(0, 2), numbers(2, 2)]).pipeTo(writableStream(writer))
    expect(sink.arrived).toEqual([[0, 1, 2, 3]])
    const broken = open()
    const reading = ReadableStream.from(
      (async function* () {
        yield numbers(0, 1)
        throw new Error('broken')
      })(),
    )
    await expect(reading.pipeTo(writableStream(broken.writer))).rejects.toThrow('broken')
    expect(broken.sink.sent).toEqual([])
  })

  it('is a Node stream, which is destroyed with what went wrong', async () => {
    const { sink, writer } = open()
    sink.through = true
    await pipeline(Readable.from([numbers(0, 1), numbers(1, 1)]), nodeWritable(writer))
    expect(sink.arrived).toEqual([[0, 1]])
    const refused = open()
    refused.sink.refusal = new Error('does not fit')
    await expect(pipeline(Readable.from([numbers(0, 1)]), nodeWritable(refused.writer))).rejects.toThrow('does not fit')
    await expect(refused.writer.closed).rejects.toThrow('does not fit')
  })

  it('is a Node stream, which aborts it when it is destroyed before its end, with an error or without', async () => {
    for (const error of [undefined, new Error('broken pipe')]) {
      const { sink, writer } = open()
      const stream = nodeWritable(writer)
      stream.on('error', () => undefined)
      await new Promise<void>((resolve) => void stream.write(numbers(0, 3), () => resolve()))
      stream.destroy(error)
      await expect(writer.closed).rejects.toMatchObject(error ?? { name: 'AbortError' })
      await expect(writer.write(numbers(3, 1))).rejects.toMatchObject({ code: 'KUSTO_WRITER_CLOSED' })
      expect(sink.sent).toEqual([])
    }
  })

  it('is a Node stream, which tells what it was destroyed with although the sink cannot let go', async () => {
    const { sink, writer } = open()
    sink.close = () => Promise.reject(new Error('the log cannot be released'))
    const stream = nodeWritable(writer)
    const told = once(stream, 'error')
    stream.destroy(new Error('broken pipe'))
    expect(await told).toMatchObject([{ message: 'broken pipe' }])
  })

  it.each([
    ['Web', (writer: KustoWriter) => oneAndNoMore().pipeTo(writableStream(writer))],
    [
      'Node',
      (writer: KustoWriter) =>
        pipeline(sayingNoMore(new Readable({ objectMode: true, read: () => undefined })), nodeWritable(writer)),
    ],
  ] as const)('is a %s stream, whose pipe ends with its failure while the source says nothing', async (_, pipe) => {
    const { sink, writer } = open({ maxBatchRows: 1 })
    const piping = pipe(writer)
    await sink.holds(1)
    const failure = new KustoServiceError('KUSTO_X', 'no', { status: 400 })
    sink.fail(0, failure)
    await expect(piping).rejects.toBe(failure)
  })

  it('lets elements through when their rows count as written', async () => {
    const { sink, writer } = open({ maxBatchRows: 2 })
    const passing = ReadableStream.from([numbers(0, 2), numbers(2, 2)]).pipeThrough(acknowledgingTransform(writer))
    const reader = passing.getReader()
    const first = reader.read()
    await sink.holds(2)
    sink.let(1)
    expect(await Promise.race([first, new Promise((resolve) => void setImmediate(() => resolve('waits')))])).toBe(
      'waits',
    )
    sink.let(0)
    expect([...((await first).value as ReturnType<typeof numbers>).getChildAt(0)!]).toEqual([0, 1])
    expect((await reader.read()).done).toBe(false)
    expect((await reader.read()).done).toBe(true)
    await writer.closed
  })
})
