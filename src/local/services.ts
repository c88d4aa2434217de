import type { Catalog } from './engine/catalog.ts'
import type { Duck } from './engine/duck.ts'
import type { Operations } from './engine/operations.ts'
import type { Faults } from './faults.ts'
import type { StreamingSwitch } from './ingest/streaming.ts'
import type { QueuedIngestion } from './ingest/queued-rest.ts'
import type { Language } from './lang/language.ts'
import type { RunningRequests } from './server/running-requests.ts'
import type { LocalStorage } from './storage/azurite.ts'

/** What every room of one embedded Kusto works with. */
export interface Services {
  readonly language: Language
  readonly duck: Duck
  readonly catalog: Catalog
  /** What `NetDefaultDB` stands for. */
  readonly defaultDatabase: string
  readonly operations: Operations
  /** Undefined when started without storage. */
  readonly storage: LocalStorage | undefined
  /** REST queued ingestion and its operations. */
  readonly queuedIngestion: QueuedIngestion
  /** The cluster URL, known once the port is bound. */
  readonly url: () => string
  readonly faults: Faults
  /** Whether tables take streamed rows. */
  readonly streaming: StreamingSwitch
  /** Queries and commands under way, for `.cancel query`. */
  readonly requests: RunningRequests
  /** Smallest `sizeLimit` that `.export` accepts, in bytes. */
  readonly minimumSizeLimit: number
}
