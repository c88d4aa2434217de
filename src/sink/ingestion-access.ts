import { Cached } from '../base/cached.ts'
import type { CachedOptions } from '../base/cached.ts'
import { KustoAuthError } from '../errors.ts'
import { discoverIngestion } from './discover-ingestion.ts'
import type { DiscoveryContext, IngestionVia } from './discover-ingestion.ts'
import type { IngestionService } from './ingestion-service.ts'

export interface AccessOptions {
  /** The way to take, where the blobs of a write must all go or have gone the same; default as configured. */
  readonly via?: IngestionService['via'] | undefined
  readonly signal?: AbortSignal | undefined
}

/** The ways into the service's queue, each discovered once, kept for a while, and renewed when its signatures are over. */
export class IngestionAccess {
  readonly #via: IngestionVia
  readonly #known: Readonly<Record<IngestionVia, Cached<IngestionService>>>

  constructor(context: DiscoveryContext, via: IngestionVia, caching: CachedOptions) {
    const cached = (way: IngestionVia): Cached<IngestionService> =>
      new Cached((signal) => discoverIngestion(context, way, signal), caching)
    this.#via = via
    this.#known = { auto: cached('auto'), rest: cached('rest'), queue: cached('queue') }
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
      return work(await this.#renewed(service, options))
    }
  }

  /** Several who are refused at a time share one renewal. */
  async #renewed(refused: IngestionService, options: AccessOptions): Promise<IngestionService> {
    if ((await this.get(options)) === refused) {
      for (const cached of Object.values(this.#known)) cached.forget()
    }
    return this.get(options)
  }
}
