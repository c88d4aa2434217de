import { AbortScope, untilAborted } from './abort.ts'

export interface MapOrderedOptions {
  /** How many items are worked on or held as unread results at once. */
  readonly concurrency: number
  readonly signal?: AbortSignal
}

type Settled<R> = { readonly ok: true; readonly value: R } | { readonly ok: false; readonly error: unknown }

/**
 * Results of `work` in the order of the items, at most `concurrency` of them ahead of the reader. Leaving the loop, a
 * failure and an abort all abort the signal given to `work` and wait for what is in flight, so nothing runs on behind
 * the caller's back. Every promise is settled where it is made: a second failure is never an unhandled rejection.
 * A slow source does not hold back results that are ready.
 */
export async function* mapOrdered<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  options: MapOrderedOptions,
): AsyncGenerator<R, void, undefined> {
  using scope = new AbortScope(options.signal)
  const source = iterate(items)
  const inFlight: Promise<Settled<R>>[] = []
  let exhausted = false
  let pulling: Promise<'pulled'> | undefined
  const pull = async (): Promise<'pulled'> => {
    try {
      const next = await source.next()
      if (next.done === true) exhausted = true
      // The loop may have ended in the meantime.
      else if (!scope.signal.aborted) inFlight.push(settle(runNow(work, next.value, scope.signal)))
    } catch (error) {
      exhausted = true
      inFlight.push(Promise.resolve({ ok: false, error }))
    }
    return 'pulled'
  }
  try {
    for (;;) {
      scope.signal.throwIfAborted()
      if (!exhausted && inFlight.length < options.concurrency) pulling ??= pull()
      const awaited = [inFlight[0], pulling].filter((promise) => promise !== undefined)
      if (awaited.length === 0) return
      const outcome = await untilAborted(Promise.race<Settled<R> | 'pulled'>(awaited), scope.signal)
      if (outcome === 'pulled') {
        pulling = undefined
        continue
      }
      if (!outcome.ok) throw outcome.error
      void inFlight.shift()
      yield outcome.value
    }
  } finally {
    scope.abort()
    // A source in the middle of a read may never answer; it is told to stop, and not waited for.
    const stopped = exhausted ? undefined : settle(runNow(async () => source.return?.(), undefined, scope.signal))
    if (pulling === undefined) await stopped
    await Promise.all(inFlight)
  }
}

function settle<R>(promise: Promise<R>): Promise<Settled<R>> {
  return promise.then(
    (value) => ({ ok: true, value }),
    (error: unknown) => ({ ok: false, error }),
  )
}

/** So that a `work` that throws before its first await is a failure like any other. */
async function runNow<T, R>(
  work: (item: T, signal: AbortSignal) => Promise<R>,
  item: T,
  signal: AbortSignal,
): Promise<R> {
  return work(item, signal)
}

function iterate<T>(items: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
}
