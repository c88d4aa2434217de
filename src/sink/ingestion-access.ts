import { noAnswer } from '../base/cached.ts'
import { Renewed } from '../base/renewed.ts'
import type { RenewedOptions } from '../base/renewed.ts'
import { KustoAuthError } from '../errors.ts'
import { discoverIngestion } from './discover-ingestion.ts'
import type { DiscoveryContext, IngestionVia } from './discover-ingestion.ts'
import type { IngestionService } from './ingestion-service.ts'

export interface AccessOptions {
  /** The way to take, where the blobs of a write must all go or have gone the same; default as configured. */
  readonly via?: IngestionService['via'] | undefined
  readonly signal?: AbortSignal | undefined
}

export interface IngestionCaching extends Pick<RenewedOptions<IngestionService>, 'timeoutMs' | 'onStale' | 'now'> {
  /** Age at which the service is asked again, where it does not want to be asked earlier. */
  readonly maxAgeMs: number
}

/** Signatures are renewed this long before they end, or at half their life where they are short. */
const MARGIN_MS = 30 * 60_000

/** The ways into the service's queue, each discovered once, kept for a while, and renewed before its signatures are over. */
export class IngestionAccess {
  readonly #via: IngestionVia
  readonly #known: Readonly<Record<IngestionVia, Renewed<IngestionService>>>

  constructor(context: DiscoveryContext, via: IngestionVia, caching: IngestionCaching) {
    const known = (way: IngestionVia): Renewed<IngestionService> =>
      new Renewed((signal) => discoverIngestion(context, way, signal), {
        ...caching,
        maxAgeMs: ({ refreshMs }) => Math.min(caching.maxAgeMs, refreshMs),
        lifeMs: (service) => service.lifeMs,
        marginMs: MARGIN_MS,
        late: noAnswer,
      })
    this.#via = via
    this.#known = { auto: known('auto'), rest: known('rest'), queue: known('queue') }
  }

  /** The configured way in, or the one that is named. */
  async get({ via, signal }: AccessOptions = {}): Promise<IngestionService> {
    if (via === undefined) return this.#known[this.#via].get(signal)
    const configured = await this.#known[this.#via].get(signal)
    return configured.via === via ? configured : this.#known[via].get(signal)
  }

  /** Does something by way of the service, and once more with fresh signatures when storage refuses those at hand. */
  async use<R>(work: (service: IngestionService) => Promise<R>, options: AccessOptions): Promise<R> {
    const service = await this.get(options)
    try {
      return await work(service)
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!(error instanceof KustoAuthError) || error.code !== 'KUSTO_STORAGE_DENIED') throw error
      return work(await this.renewed(service, options))
    }
  }

  /** The way in with other signatures than those that were refused. Several who are refused at a time share one renewal. */
  async renewed(refused: IngestionService, options: AccessOptions): Promise<IngestionService> {
    if ((await this.get(options)) === refused) {
      for (const known of Object.values(this.#known)) known.forget()
    }
    return this.get(options)
  }
}
