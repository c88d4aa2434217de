import { KustoAuthError, KustoNetworkError } from '../errors.ts'
import type { AccountRanks } from './rank-accounts.ts'

export interface InTurnOptions<T, R> {
  readonly ranks: AccountRanks
  /** The storage URL that outcomes are counted for. */
  readonly urlOf: (resource: T) => string
  /** For the error: `blob 1f...`. */
  readonly what: string
  readonly signal: AbortSignal | undefined
  /** Whether a failure leads on to the next resource. Default: storage failed. */
  readonly goesOn?: (error: unknown) => boolean
  /** Told of every failure that leads on, before the next try. */
  readonly onNext?: (notice: { readonly attempt: number; readonly error: unknown }) => void
  /** Fresh resources, asked for once when storage refuses; undefined when there are no others. */
  readonly renew?: () => Promise<readonly T[] | undefined>
  readonly work: (resource: T) => Promise<R>
}

/** Resources that are tried for one thing, each with the retries of a storage request. */
const MAX_RESOURCES = 3

/**
 * Does something with the best of several storage resources, and with the next ones while storage fails: three of them at
 * most. Outcomes count for the accounts' ranks.
 * @throws {KustoNetworkError} KUSTO_STORAGE_FAILED when several failed, with all reasons as an AggregateError in `cause`; a
 * single failure goes through as it is
 * @throws {KustoAuthError} KUSTO_STORAGE_DENIED when all of them refused
 */
export async function inTurn<T, R>(resources: readonly T[], options: InTurnOptions<T, R>): Promise<R> {
  const { ranks, urlOf, signal, work } = options
  const goesOn = options.goesOn ?? isStorageFailure
  const reasons: unknown[] = []
  let queue = [...ranks.order(resources, urlOf)]
  let renew = options.renew
  for (let resource = queue.shift(); resource !== undefined; resource = queue.shift()) {
    try {
      const result = await work(resource)
      ranks.report(urlOf(resource), 'success')
      return result
    } catch (error) {
      signal?.throwIfAborted()
      if (isStorageFailure(error)) ranks.report(urlOf(resource), 'failure')
      if (!goesOn(error)) throw error
      reasons.push(error)
      if (isDenied(error) && renew !== undefined) {
        const fresh = await renew()
        renew = undefined
        if (fresh !== undefined) queue = [...ranks.order(fresh, urlOf)]
      }
      if (reasons.length >= MAX_RESOURCES) break
      if (queue.length > 0) options.onNext?.({ attempt: reasons.length, error })
    }
  }
  throw reasons.length === 1 ? reasons[0] : together(options.what, reasons)
}

function together(what: string, reasons: readonly unknown[]): Error {
  const message = `no storage took ${what} (${reasons.length} tried); last: ${messageOf(reasons.at(-1))}`
  const cause = new AggregateError(reasons)
  if (reasons.every(isDenied)) return new KustoAuthError('KUSTO_STORAGE_DENIED', message, { cause })
  return new KustoNetworkError('KUSTO_STORAGE_FAILED', message, { cause, retryable: true })
}

/** Whether storage is what failed, and another place may do. */
export function isStorageFailure(error: unknown): boolean {
  return isDenied(error) || (error instanceof KustoNetworkError && STORAGE_CODES.includes(error.code))
}

const STORAGE_CODES = ['KUSTO_STORAGE_FAILED', 'KUSTO_BLOB_NOT_FOUND']

function isDenied(error: unknown): boolean {
  return error instanceof KustoAuthError && error.code === 'KUSTO_STORAGE_DENIED'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
