import { describe, expect, it } from 'vitest'
import type { StreamingFailureKind } from '../../src/client/streaming-failure.ts'
import { KustoError } from '../../src/errors.ts'
import { decideNext } from '../../src/streaming/decide-next.ts'
import type { FailedAttempt, NextStep } from '../../src/streaming/decide-next.ts'
import { deliverySettings } from '../../src/streaming/delivery-settings.ts'
import type { DeliveryOptions } from '../../src/streaming/delivery-settings.ts'

const next = (kind: StreamingFailureKind, options: DeliveryOptions = {}, at: Partial<FailedAttempt> = {}): NextStep =>
  decideNext(
    {
      failure: { kind, error: new KustoError('X', 'x'), retryAfterMs: undefined },
      attempt: 1,
      elapsedMs: 0,
      canSplit: true,
      ...at,
    },
    deliverySettings(options),
    () => 0.5,
  )

const NONE = { fallback: 'none' } as const

describe('decideNext', () => {
  it('streaming:C37 streaming:T26 is the documented table', () => {
    const table: readonly (readonly [StreamingFailureKind, string, string, string])[] = [
      // failure, by default, without continuing, without a fallback
      ['throttled', 'retry', 'retry', 'retry'],
      ['transient', 'retry', 'retry', 'retry'],
      ['size', 'split', 'split', 'split'],
      ['off', 'queue', 'fail', 'fail'],
      ['policy', 'queue', 'fail', 'fail'],
      ['endpoint', 'queue', 'fail', 'fail'],
      ['table', 'queue', 'queue', 'fail'],
      ['schema', 'retry', 'retry', 'retry'],
      ['rejected', 'fail', 'fail', 'fail'],
      ['unknown', 'retry', 'retry', 'retry'],
    ]
    expect(
      table.map(([kind]) => [
        kind,
        next(kind).kind,
        next(kind, { continueWhenUnavailable: false }).kind,
        next(kind, NONE).kind,
      ]),
    ).toEqual(table)
  })

  it('streaming:T25 waits longer each time, and queues after the fourth attempt', () => {
    const steps = [1, 2, 3, 4].map((attempt) => next('throttled', {}, { attempt }))
    expect(steps).toEqual([
      { kind: 'retry', delayMs: 500 },
      { kind: 'retry', delayMs: 1000 },
      { kind: 'retry', delayMs: 2000 },
      { kind: 'queue' },
    ])
    expect(next('throttled', NONE, { attempt: 4 })).toEqual({ kind: 'fail' })
  })

  it('streaming:T25 waits as long as the service asks, and queues at once when that is too long', () => {
    const failure = { kind: 'throttled', error: new KustoError('X', 'x'), retryAfterMs: 5_000 } as const
    expect(next('throttled', {}, { failure })).toEqual({ kind: 'retry', delayMs: 5_500 })
    expect(next('throttled', { retryTimeoutMs: 5_000 }, { failure })).toEqual({ kind: 'queue' })
    expect(next('throttled', {}, { failure, elapsedMs: 25_000 })).toEqual({ kind: 'queue' })
  })

  it('streaming:T30 goes on for five minutes with a new table when there is no queue to go to', () => {
    const at = (elapsedMs: number): NextStep => next('schema', NONE, { attempt: 20, elapsedMs })
    expect(at(280_000).kind).toBe('retry')
    expect(at(300_000).kind).toBe('fail')
    expect(next('schema', {}, { attempt: 4 }).kind).toBe('queue')
  })

  it('streaming:T27 does not split what has one row', () => {
    expect(next('size', {}, { canSplit: false }).kind).toBe('queue')
    expect(next('size', NONE, { canSplit: false }).kind).toBe('fail')
  })

  it('streaming:C39 does with an unknown outcome what it is told', () => {
    expect(next('unknown', { onAmbiguous: 'retry' }).kind).toBe('retry')
    expect(next('unknown', { onAmbiguous: 'fail' }).kind).toBe('fail')
    expect(next('unknown', { onAmbiguous: 'queue' }).kind).toBe('queue')
    expect(() => next('unknown', { onAmbiguous: 'queue', fallback: 'none' })).toThrow(/onAmbiguous/)
  })
})
