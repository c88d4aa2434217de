import { isPathStyle } from '../storage/storage-url.ts'

export interface AccountRanksOptions {
  /** Monotonic milliseconds. */
  readonly now?: () => number
}

/** Outcomes are counted in six buckets of ten seconds; what is older is forgotten. */
const BUCKETS = 6
const BUCKET_MS = 10_000
/** Accounts whose rank is above the same bound are equals. */
const TIERS = [0.9, 0.7, 0.3, 0]

/**
 * Which storage accounts work: ranked by the success and failure of real requests, newer ones weighing more, as the
 * service's own clients rank them. An account without outcomes has the best rank; one that failed is back after a minute.
 */
export class AccountRanks {
  readonly #now: () => number
  readonly #accounts = new Map<string, Outcomes>()
  #turn = 0

  constructor(options: AccountRanksOptions = {}) {
    this.#now = options.now ?? (() => performance.now())
  }

  /** Counts an outcome for the account of a URL, with or without query string. */
  report(url: string, outcome: 'success' | 'failure'): void {
    const account = accountOf(url)
    const outcomes = this.#accounts.get(account) ?? new Outcomes()
    outcomes.add(this.#bucket(), outcome)
    this.#accounts.set(account, outcomes)
  }

  /** From 0, all failed, to 1. */
  rank(url: string): number {
    return this.#accounts.get(accountOf(url))?.rank(this.#bucket()) ?? 1
  }

  /**
   * The resources in the order to try them: accounts by tier, equals in turn from call to call, then the first resource of
   * each account, the second, and so on, so that the next one is of another account where there is one.
   */
  order<T>(resources: readonly T[], urlOf: (resource: T) => string): readonly T[] {
    const turn = this.#turn++
    const accounts = new Map<string, T[]>()
    for (const resource of resources) {
      const account = accountOf(urlOf(resource))
      accounts.set(account, [...(accounts.get(account) ?? []), resource])
    }
    const ranked = [...accounts.values()].map((group) => ({ group, rank: this.rank(urlOf(group[0] as T)) }))
    const groups = TIERS.flatMap((bound, at) => {
      const above = TIERS[at - 1] ?? Infinity
      const equals = ranked.filter(({ rank }) => rank >= bound && rank < above).map(({ group }) => group)
      // The turn of an account's own resources moves on when all its equals have had theirs.
      return rotated(equals, turn).map((group) => rotated(group, Math.floor(turn / equals.length)))
    })
    const longest = Math.max(0, ...groups.map((group) => group.length))
    return Array.from({ length: longest }, (_, at) => groups.flatMap((group) => group.slice(at, at + 1))).flat()
  }

  #bucket(): number {
    return Math.floor(this.#now() / BUCKET_MS)
  }
}

/** Successes and failures of one account, by bucket. */
class Outcomes {
  readonly #buckets = new Map<number, { success: number; failure: number }>()

  add(bucket: number, outcome: 'success' | 'failure'): void {
    for (const old of this.#buckets.keys()) if (old <= bucket - BUCKETS) this.#buckets.delete(old)
    const counts = this.#buckets.get(bucket) ?? { success: 0, failure: 0 }
    counts[outcome]++
    this.#buckets.set(bucket, counts)
  }

  rank(now: number): number {
    let weights = 0
    let sum = 0
    for (const [bucket, { success, failure }] of this.#buckets) {
      const weight = BUCKETS - (now - bucket)
      if (weight <= 0) continue
      weights += weight
      sum += (weight * success) / (success + failure)
    }
    return weights === 0 ? 1 : sum / weights
  }
}

/** The account's name, the same for its containers, queues and tables; on this machine with its port. */
function accountOf(url: string): string {
  const { host, pathname } = new URL(url)
  return isPathStyle(host) ? `${host}/${pathname.split('/')[1] ?? ''}` : (host.split('.')[0] ?? '')
}

function rotated<T>(items: readonly T[], turn: number): readonly T[] {
  const start = items.length === 0 ? 0 : turn % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}
