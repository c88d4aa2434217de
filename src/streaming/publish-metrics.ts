import type { Attributes, BatchObservableResult, Observable } from '@opentelemetry/api'
import { KustoUsageError } from '../errors.ts'
import { SEAL_REASONS } from './batch-buffer.ts'
import type { KustoWriter } from './kusto-writer.ts'
import type { WriterMetrics } from './writer-metrics.ts'

interface Published {
  readonly name: string
  readonly kind: 'counter' | 'gauge'
  readonly unit: string
  readonly value: (metrics: WriterMetrics) => number
}

/** One name for one fact, whatever the delivery. */
const PUBLISHED: readonly Published[] = [
  { name: 'accepted.rows', kind: 'counter', unit: '{row}', value: (m) => m.acceptedRows },
  { name: 'accepted.bytes', kind: 'counter', unit: 'By', value: (m) => m.acceptedBytes },
  { name: 'staged.rows', kind: 'counter', unit: '{row}', value: (m) => m.stagedRows },
  { name: 'queued.rows', kind: 'counter', unit: '{row}', value: (m) => m.queuedRows },
  { name: 'ingested.rows', kind: 'counter', unit: '{row}', value: (m) => m.ingestedRows },
  { name: 'acknowledged.rows', kind: 'counter', unit: '{row}', value: (m) => m.acknowledgedRows },
  { name: 'acknowledged.bytes', kind: 'counter', unit: 'By', value: (m) => m.acknowledgedBytes },
  { name: 'rejected.rows', kind: 'counter', unit: '{row}', value: (m) => m.rejectedRows },
  { name: 'duplicate.rows', kind: 'counter', unit: '{row}', value: (m) => m.duplicateRows },
  { name: 'fallback.rows', kind: 'counter', unit: '{row}', value: (m) => m.fallbackRows },
  { name: 'ambiguous', kind: 'counter', unit: '{request}', value: (m) => m.ambiguous },
  { name: 'throttles', kind: 'counter', unit: '{attempt}', value: (m) => m.throttles },
  { name: 'latency.sum', kind: 'counter', unit: 'ms', value: (m) => m.latency.sumMs },
  { name: 'latency.count', kind: 'counter', unit: '{batch}', value: (m) => m.latency.count },
  { name: 'in_flight.batches', kind: 'gauge', unit: '{batch}', value: (m) => m.inFlightBatches },
  { name: 'in_flight.bytes', kind: 'gauge', unit: 'By', value: (m) => m.inFlightBytes },
  { name: 'buffered.rows', kind: 'gauge', unit: '{row}', value: (m) => m.bufferedRows },
  { name: 'oldest.age', kind: 'gauge', unit: 'ms', value: (m) => m.oldestAgeMs },
]

/**
 * Gives the metrics of a writer to OpenTelemetry, under `kusto.writer.*` with the table as attribute `kusto.table`, whenever it
 * collects. The result takes them back.
 * @throws {KustoUsageError} KUSTO_NO_OPENTELEMETRY when the package is not installed
 */
export async function publishMetrics(writer: KustoWriter): Promise<() => void> {
  const { metrics } = await load()
  const meter = metrics.getMeter('kusto-arrow')
  const attributes: Attributes = { 'kusto.table': writer.table }
  const instruments = PUBLISHED.map(({ name, kind, unit, value }) => {
    const options = { unit }
    const full = `kusto.writer.${name}`
    const instrument: Observable =
      kind === 'counter' ? meter.createObservableCounter(full, options) : meter.createObservableGauge(full, options)
    return { instrument, value }
  })
  const batches = meter.createObservableCounter('kusto.writer.batches', { unit: '{batch}' })
  const retries = meter.createObservableCounter('kusto.writer.retries', { unit: '{attempt}' })
  const observe = (result: BatchObservableResult): void => {
    const now = writer.metrics()
    for (const { instrument, value } of instruments) result.observe(instrument, value(now), attributes)
    for (const reason of SEAL_REASONS) {
      result.observe(batches, now.batches[reason], { ...attributes, 'kusto.reason': reason })
    }
    for (const [code, count] of Object.entries(now.retries)) {
      result.observe(retries, count, { ...attributes, 'kusto.code': code })
    }
  }
  const all = [...instruments.map(({ instrument }) => instrument), batches, retries]
  meter.addBatchObservableCallback(observe, all)
  return () => meter.removeBatchObservableCallback(observe, all)
}

async function load(): Promise<typeof import('@opentelemetry/api')> {
  try {
    return await import('@opentelemetry/api')
  } catch (cause) {
    throw new KustoUsageError(
      'KUSTO_NO_OPENTELEMETRY',
      'expected the package @opentelemetry/api, which publishMetrics needs, found none: npm install @opentelemetry/api',
      { cause },
    )
  }
}
