import { untilAborted } from '../base/abort.ts'
import { downloadBlob } from '../storage/read-blob.ts'
import type { DownloadedBlob } from '../storage/read-blob.ts'
import { blobAt } from '../storage/storage-location.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import type { OnReadEvent } from './read-events.ts'

/** A blob of an export, with the rows that the operation's details promise. */
export interface ExportedBlob {
  readonly location: StorageLocation
  readonly rows: number
  /** Bytes as the details give them; 0 when the service does not say. */
  readonly bytes: number
  /** The version a plan was made of. */
  readonly etag?: string
}

/** A blob that has arrived, and how many requests that took. */
export interface FetchedBlob extends DownloadedBlob {
  readonly requests: number
}

/** The same containers with fresh signatures. */
export type RenewContainers = (signal: AbortSignal | undefined) => Promise<readonly StorageLocation[]>

/**
 * Downloads exported blobs. When storage refuses, because a signature has expired in the middle of a read, the containers are
 * asked for again, once for all blobs that are refused together, and the refused ranges go on.
 */
export class BlobFetcher {
  readonly #renew: RenewContainers
  #renewed: Promise<readonly StorageLocation[]> | undefined

  constructor(renew: RenewContainers) {
    this.#renew = renew
  }

  async fetch(
    blob: ExportedBlob,
    { signal, onEvent }: { readonly signal: AbortSignal; readonly onEvent: OnReadEvent },
  ): Promise<FetchedBlob> {
    const known = this.#renewed
    const first = known === undefined ? blob.location : signedBy(await this.#asked(known, signal), blob)
    let requests = 0
    const downloaded = await downloadBlob(first, {
      signal,
      onRange: () => void requests++,
      ...(blob.bytes > 0 ? { expectedBytes: blob.bytes } : {}),
      ...(blob.etag === undefined ? {} : { expectedEtag: blob.etag }),
      onResume: ({ offset }) => {
        requests++
        onEvent({ kind: 'download-resumed', url: first.url, offset })
      },
      renew: async (inner) => {
        const again = signedBy(await this.#newer(known, inner, onEvent), blob)
        return isSignedAnew(first, again) ? again : undefined
      },
    })
    return { ...downloaded, requests }
  }

  /** None where the reader that asked gave up. */
  async #asked(known: Promise<readonly StorageLocation[]>, signal: AbortSignal): Promise<readonly StorageLocation[]> {
    try {
      return await untilAborted(known, signal)
    } catch {
      signal.throwIfAborted()
      return []
    }
  }

  /** Containers asked for later than the known ones. Where the reader that asked gave up, this one asks itself. */
  async #newer(
    known: Promise<readonly StorageLocation[]> | undefined,
    signal: AbortSignal,
    onEvent: OnReadEvent,
  ): Promise<readonly StorageLocation[]> {
    while (this.#renewed !== undefined && this.#renewed !== known) {
      const containers = await this.#asked(this.#renewed, signal)
      if (containers.length > 0) return containers
    }
    this.#renewed = this.#ask(signal, onEvent)
    return await this.#renewed
  }

  async #ask(signal: AbortSignal, onEvent: OnReadEvent): Promise<readonly StorageLocation[]> {
    onEvent({
      kind: 'containers-renewed',
      reason: 'storage refused the access that was good when the read began',
    })
    try {
      return await this.#renew(signal)
    } catch (error) {
      // The next refusal asks again.
      this.#renewed = undefined
      throw error
    }
  }
}

function signedBy(containers: readonly StorageLocation[], blob: ExportedBlob): StorageLocation {
  return blobAt(blob.location.url, containers) ?? blob.location
}

/** Keys and identities do not change while a read runs. */
function isSignedAnew({ access: before }: StorageLocation, { access: after }: StorageLocation): boolean {
  return before.kind === 'sas' && after.kind === 'sas' && before.sas !== after.sas
}
