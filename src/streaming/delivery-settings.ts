import { oneOf, wholeNumber, badOption } from '../base/check-options.ts'
import type { OnStreamingEvent } from './streaming-events.ts'

/** How rows get into the table, and what happens when streaming does not take them. */
export interface DeliveryOptions {
  /** Where rows go that could not be streamed. Default `queued`; `none` makes it an error. */
  readonly fallback?: 'queued' | 'none'
  /** Queue rows when streaming is off for cluster or table; false makes it an error. Default true. */
  readonly continueWhenUnavailable?: boolean
  /**
   * What happens to rows that were sent and not answered, which may be in the table or not. `retry` (default) sends them
   * again: at-least-once. `fail` ends the write. `queue` puts them into the queue, which may bring them twice too.
   */
  readonly onAmbiguous?: 'retry' | 'fail' | 'queue'
  /** Bytes of rows in one request, before compression. Default 4 MiB, at most 10 MiB. */
  readonly maxRequestBytes?: number
  /** Requests under way at once, at most; throttling lowers it for a while. Default 8. */
  readonly concurrency?: number
  /** How long a piece is tried again before it is queued. Default 30,000. */
  readonly retryTimeoutMs?: number
  /** Ask the service not to wait for more data where pieces are queued. Default false. */
  readonly flushImmediately?: boolean
  readonly signal?: AbortSignal
  readonly onEvent?: OnStreamingEvent
}

/** {@link DeliveryOptions} with every choice made. */
export interface DeliverySettings {
  readonly fallback: 'queued' | 'none'
  readonly continueWhenUnavailable: boolean
  readonly onAmbiguous: 'retry' | 'fail' | 'queue'
  readonly maxRequestBytes: number
  readonly concurrency: number
  readonly retryTimeoutMs: number
  readonly flushImmediately: boolean
  readonly signal: AbortSignal | undefined
  readonly onEvent: OnStreamingEvent
}

export const DELIVERY_NAMES: readonly (keyof DeliveryOptions)[] = [
  'fallback',
  'continueWhenUnavailable',
  'onAmbiguous',
  'maxRequestBytes',
  'concurrency',
  'retryTimeoutMs',
  'flushImmediately',
  'signal',
  'onEvent',
]

/** What the service documents for the rows of one request. */
export const DEFAULT_REQUEST_BYTES: number = 4 * 1024 * 1024
/** The service's bound for the body of a request, whatever is in it. */
export const MAX_REQUEST_BYTES: number = 10 * 1024 * 1024

/**
 * Fills in defaults and checks every option; names are the caller's to check.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION
 */
export function deliverySettings(options: DeliveryOptions): DeliverySettings {
  const fallback = oneOf('fallback', options.fallback ?? 'queued', ['queued', 'none'])
  const onAmbiguous = oneOf('onAmbiguous', options.onAmbiguous ?? 'retry', ['retry', 'fail', 'queue'])
  if (fallback === 'none' && onAmbiguous === 'queue') {
    throw badOption("expected fallback 'queued' with onAmbiguous 'queue', found 'none'")
  }
  return {
    fallback,
    continueWhenUnavailable: options.continueWhenUnavailable ?? true,
    onAmbiguous,
    maxRequestBytes: wholeNumber(
      'maxRequestBytes',
      options.maxRequestBytes ?? DEFAULT_REQUEST_BYTES,
      MAX_REQUEST_BYTES,
    ),
    concurrency: wholeNumber('concurrency', options.concurrency ?? 8, 64),
    retryTimeoutMs: wholeNumber('retryTimeoutMs', options.retryTimeoutMs ?? 30_000, 600_000),
    flushImmediately: options.flushImmediately ?? false,
    signal: options.signal,
    onEvent: options.onEvent ?? (() => undefined),
  }
}
