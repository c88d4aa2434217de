import type { TokenCredential } from '@azure/core-auth'
import type { Cached } from '../base/cached.ts'
import type { TrustOptions } from '../protocol/trusted-hosts.ts'
import { openOwnStorage } from '../storage/own-storage.ts'
import type { OwnStorage } from '../storage/own-storage.ts'
import { sasEndsAt, urlWithSecret } from '../storage/storage-location.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import type { TransientStorageSettings } from './transient-storage.ts'

/** A place an export writes to. */
export interface ExportTarget {
  /** How we open it. */
  readonly location: StorageLocation
  /** What the service is told; holds the secret and goes into `exportCommand` only. */
  readonly connectionString: string
}

/** Where the blobs of a read live, and the access to them while time passes. */
export interface ExportStorage {
  /** Places for an export, in the order it fills them, with access that lasts. */
  targets(signal: AbortSignal | undefined): Promise<readonly ExportTarget[]>
  /** The same places with fresh access, after storage refused. Unchanged where there is nobody to ask. */
  renew(signal: AbortSignal | undefined): Promise<readonly StorageLocation[]>
}

export interface ExportStorageOptions {
  /** The service's containers. */
  readonly service: Cached<readonly StorageLocation[]>
  /** Who reads what an identity opens. */
  readonly credential: TokenCredential
  readonly trust: TrustOptions
  /** Milliseconds since 1970; signatures end by the calendar. */
  readonly clock?: () => number
}

/** A signature that ends sooner than this is not given to an export, which may run for a while. */
const MIN_LIFE_MS = 30 * 60_000

/**
 * Opens what the option `storage` says.
 * @throws {KustoAuthError} when a token would go to a host that is not trusted; nothing has been sent
 */
export function openExportStorage(settings: TransientStorageSettings, options: ExportStorageOptions): ExportStorage {
  return settings.kind === 'service' ? serviceStorage(options) : ownStorage(settings.entries, options)
}

function serviceStorage({ service, clock = Date.now }: ExportStorageOptions): ExportStorage {
  return {
    async targets(signal) {
      let containers = await service.get(signal)
      if (containers.some(({ access }) => (sasEndsAt(access) ?? Infinity) - clock() < MIN_LIFE_MS)) {
        service.forget()
        containers = await service.get(signal)
      }
      return containers.map((location) => ({ location, connectionString: urlWithSecret(location) }))
    },
    async renew(signal) {
      service.forget()
      return service.get(signal)
    },
  }
}

function ownStorage(entries: readonly OwnStorage[], options: ExportStorageOptions): ExportStorage {
  const locations = openOwnStorage(entries, options)
  const targets = entries.flatMap(({ connectionString }, at): readonly ExportTarget[] => {
    const location = locations[at]
    return location === undefined ? [] : [{ location, connectionString }]
  })
  return { targets: () => Promise.resolve(targets), renew: () => Promise.resolve(locations) }
}
