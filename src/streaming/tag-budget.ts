import { wholeNumber } from '../base/check-options.ts'

/** Characters of the tags of extents at which the service stops merging these. */
const LIMIT = 1_000_000
/** Of that, which may be planned with: tags of other writers count too. */
const SHARE = 0.5
const DAY_MS = 86_400_000
/** `ingest-by:kx`, 6 characters for the stream, 8 for the log, a dash, and 5 for the number. */
const CHARACTERS = 32

export interface TagBudgetOptions {
  /** Of one stream; with a batch a minute 1,440. */
  readonly batchesPerDay: number
  /** Streams that write to the table. Default 1. */
  readonly streams?: number
  /** How long tags stay in the table, in days. Default 7. */
  readonly retentionDays?: number
}

/** What the tags of exactly-once writers come to in a table. */
export interface TagBudget {
  readonly tags: number
  readonly characters: number
  /** At which the service stops merging extents. */
  readonly limitCharacters: number
  /** Whether it is half of the limit at most. */
  readonly fits: boolean
}

/**
 * What the tags of `commit: 'tag'` come to in a table, once as many are added as retention takes away.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION
 */
export function tagBudget({ batchesPerDay, streams = 1, retentionDays = 7 }: TagBudgetOptions): TagBudget {
  wholeNumber('batchesPerDay', batchesPerDay, 1_000_000_000)
  wholeNumber('streams', streams, 1_000_000)
  wholeNumber('retentionDays', retentionDays, 36_500)
  return budgetOf(batchesPerDay * streams * retentionDays, CHARACTERS)
}

function budgetOf(tags: number, characters: number): TagBudget {
  const all = Math.round(tags * characters)
  return { tags: Math.round(tags), characters: all, limitCharacters: LIMIT, fits: all <= LIMIT * SHARE }
}

/** Fewer tell nothing of how many will come. */
const LEAST_BATCHES = 20
const LEAST_MS = 300_000

/** Watches how fast one writer makes tags, and tells once when that would pass the budget within their lifetime. */
export class TagWatch {
  readonly #lifetimeMs: number
  #beganMs: number | undefined
  #batches = 0
  #isTold = false

  constructor(lifetimeMs: number) {
    this.#lifetimeMs = lifetimeMs
  }

  /** Counts a tag. The budget when it is exceeded, the first time. */
  add(tag: string, nowMs: number): (TagBudget & { readonly batchesPerDay: number }) | undefined {
    this.#beganMs ??= nowMs
    this.#batches++
    const elapsedMs = nowMs - this.#beganMs
    if (this.#isTold || this.#batches < LEAST_BATCHES || elapsedMs < LEAST_MS) return undefined
    const perMs = (this.#batches - 1) / elapsedMs
    const budget = budgetOf(perMs * this.#lifetimeMs, `ingest-by:${tag}`.length)
    if (budget.fits) return undefined
    this.#isTold = true
    return { ...budget, batchesPerDay: Math.round(perMs * DAY_MS) }
  }
}
