import type { TokenCredential } from '@azure/core-auth'
import { KustoUsageError } from '../errors.ts'
import type { TrustOptions } from '../protocol/trusted-hosts.ts'
import { openOwnStorage } from '../storage/own-storage.ts'
import { blobAt, urlWithSecret } from '../storage/storage-location.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import type { UserDelegation } from '../storage/user-delegation.ts'
import type { IngestionAccess } from './ingestion-access.ts'
import type { IngestionService } from './ingestion-service.ts'
import type { IngestionStorageSettings, OwnIngestionStorage } from './ingestion-storage.ts'
import type { WriteSettings } from './write-settings.ts'

/** Where the blobs of a write are staged. */
export interface StagingArea {
  /** Containers or folders to choose from. */
  places(signal: AbortSignal | undefined): Promise<readonly StorageLocation[]>
  /** The same places with fresh access, after storage refused one; undefined where there is nobody to ask. */
  renew(signal: AbortSignal | undefined): Promise<readonly StorageLocation[] | undefined>
  /** What the service is told to read a blob by; a secret. */
  connectionString(blob: StorageLocation, signal: AbortSignal | undefined): Promise<string>
}

export interface StagingOptions {
  readonly ingestion: IngestionAccess
  /** Who writes what an identity opens. */
  readonly credential: TokenCredential
  readonly trust: TrustOptions
  readonly delegation: UserDelegation
}

export type StagingChoice = Pick<WriteSettings, 'ingestionStorage' | 'deleteIngestedBlobs'>

/**
 * Opens what the option `ingestionStorage` says.
 * @throws {KustoAuthError} when a token would go to a host that is not trusted; nothing has been sent
 */
export function openStaging(
  { ingestionStorage: storage, deleteIngestedBlobs }: StagingChoice,
  via: IngestionService['via'],
  options: StagingOptions,
): StagingArea {
  return storage.kind === 'service'
    ? serviceContainers(options.ingestion, via)
    : ownStorage(storage, deleteIngestedBlobs, options)
}

function serviceContainers(ingestion: IngestionAccess, via: IngestionService['via']): StagingArea {
  let latest: IngestionService | undefined
  return {
    async places(signal) {
      latest = await ingestion.get({ via, signal })
      return offered(latest)
    },
    async renew(signal) {
      latest =
        latest === undefined ? await ingestion.get({ via, signal }) : await ingestion.renewed(latest, { via, signal })
      return offered(latest)
    },
    async connectionString(blob, signal) {
      // By the signatures of now: those that the blob was written with may be near their end.
      const { containers } = await ingestion.get({ via, signal })
      return urlWithSecret(blobAt(blob.url, containers) ?? blob)
    },
  }
}

/** @throws {KustoUsageError} KUSTO_NO_INGESTION_STORAGE when there is none */
function offered({ containers }: IngestionService): readonly StorageLocation[] {
  if (containers.length > 0) return containers
  throw new KustoUsageError(
    'KUSTO_NO_INGESTION_STORAGE',
    'expected a container for ingestion, found that the service offers none',
  )
}

function ownStorage(
  { entries }: Extract<IngestionStorageSettings, { readonly kind: 'own' }>,
  deletes: boolean,
  options: StagingOptions,
): StagingArea {
  const places = openOwnStorage(entries, options)
  return {
    places: () => Promise.resolve(places),
    renew: () => Promise.resolve(undefined),
    async connectionString(blob, signal) {
      const entry = entries.find(({ url }) => blob.url.startsWith(`${url}/`))
      if (entry === undefined || blob.access.kind !== 'credential') return urlWithSecret(blob)
      if (entry.delegates) return options.delegation.sign(blob, { permissions: deletes ? 'rd' : 'r', signal })
      return belowPlace(entry, blob.url)
    },
  }
}

/** The service may know a place by another host than we do, as with OneLake. */
function belowPlace({ url, connectionString }: OwnIngestionStorage, blobUrl: string): string {
  const [serviceUrl = '', word = ''] = connectionString.split(';')
  return `${serviceUrl}${blobUrl.slice(url.length)};${word}`
}
