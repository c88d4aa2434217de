import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { metrics } from '@opentelemetry/api'
import type { Attributes, BatchObservableCallback, MeterProvider, Observable } from '@opentelemetry/api'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { KustoWriter } from '../../src/streaming/kusto-writer.ts'
import { publishMetrics } from '../../src/streaming/publish-metrics.ts'
import { writerSettings } from '../../src/streaming/writer-settings.ts'
import { FakeBatchSink, numbers } from './fake-batch-sink.ts'

const BATCHES = { rows: 0, bytes: 0, memory: 0, age: 0, flush: 0, schema: 0, end: 0 }

/** A provider that collects when it is told to. */
class Collector {
  readonly kinds = new Map<string, string>()
  readonly #callbacks = new Set<BatchObservableCallback>()
  readonly #names = new Map<Observable, string>()

  readonly provider = { getMeter: () => this.#meter } as unknown as MeterProvider
  readonly #meter = {
    createObservableCounter: (name: string) => this.#instrument(name, 'counter'),
    createObservableGauge: (name: string) => this.#instrument(name, 'gauge'),
    addBatchObservableCallback: (callback: BatchObservableCallback) => void this.#callbacks.add(callback),
    removeBatchObservableCallback: (callback: BatchObservableCallback) => void this.#callbacks.delete(callback),
  }

  #instrument(name: string, kind: string): Observable {
    const instrument = {} as Observable
    this.kinds.set(name, kind)
    this.#names.set(instrument, name)
    return instrument
  }

  collect(): ReadonlyMap<string, number> {
    const found = new Map<string, number>()
    const observe = (instrument: Observable, value: number, attributes: Attributes = {}): void => {
      const { 'kusto.table': table, ...more } = attributes
      found.set([this.#names.get(instrument), table, ...Object.values(more)].join(' '), value)
    }
    for (const callback of this.#callbacks) void callback({ observe })
    return found
  }
}

afterEach(() => metrics.disable())

describe('publishMetrics', () => {
  it('streaming:C49 gives every fact one name, whenever it is asked for, until it is taken back', async () => {
    const collector = new Collector()
    metrics.setGlobalMeterProvider(collector.provider)
    const sink = new FakeBatchSink()
    sink.through = true
    const { writer: settings } = writerSettings({ maxBatchRows: 10 })
    const writer = new KustoWriter('T', sink, settings)
    const stop = await publishMetrics(writer)
    await writer.write(numbers(0, 25))
    expect(collector.collect().get('kusto.writer.buffered.rows T')).toBe(5)
    await writer.flush()
    const found = collector.collect()
    expect(found.get('kusto.writer.accepted.rows T')).toBe(25)
    expect(found.get('kusto.writer.acknowledged.rows T')).toBe(25)
    expect(found.get('kusto.writer.queued.rows T')).toBe(25)
    expect(found.get('kusto.writer.batches T rows')).toBe(2)
    expect(found.get('kusto.writer.batches T flush')).toBe(1)
    expect(found.get('kusto.writer.latency.count T')).toBe(3)
    expect(found.get('kusto.writer.in_flight.bytes T')).toBe(0)
    expect(collector.kinds.get('kusto.writer.accepted.rows')).toBe('counter')
    expect(collector.kinds.get('kusto.writer.in_flight.bytes')).toBe('gauge')
    stop()
    expect(collector.collect().size).toBe(0)
    await writer.close()
  })

  it('streaming:C49 has every number of the metrics under a name, once', async () => {
    const collector = new Collector()
    metrics.setGlobalMeterProvider(collector.provider)
    const writer = new KustoWriter('T', new FakeBatchSink(), writerSettings({}).writer)
    // Each number is another one, so that none stands in for another.
    let next = 0
    const given = Object.fromEntries(Object.keys(writer.metrics()).map((name) => [name, ++next]))
    const latency = { count: ++next, sumMs: ++next, maxMs: 0 }
    vi.spyOn(writer, 'metrics').mockReturnValue({
      ...writer.metrics(),
      ...given,
      batches: BATCHES,
      retries: {},
      latency,
    })
    const stop = await publishMetrics(writer)
    const found = [...collector.collect()].filter(([name]) => !name.startsWith('kusto.writer.batches'))
    stop()
    await writer.abort()
    const { batches: _batches, retries: _retries, latency: _latency, ...plain } = given
    const numbersOf = [...Object.values(plain), latency.count, latency.sumMs]
    expect(found.map(([, value]) => value).toSorted((a, b) => a - b)).toEqual(numbersOf.toSorted((a, b) => a - b))
    expect(found.map(([name]) => name)).toContain('kusto.writer.fallback.rows T')
    const page = await readFile(path.resolve(import.meta.dirname, '../../docs/api.md'), 'utf8')
    for (const name of collector.kinds.keys()) expect(page).toContain(`\`${name.replace('kusto.writer.', '')}\``)
  })
})
