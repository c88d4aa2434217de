import { KustoAuthError } from '../errors.ts'
import { readBlob } from '../storage/read-blob.ts'
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

/** The same containers with fresh signatures. */
export type RenewContainers = (signal: AbortSignal | undefined) => Promise<readonly StorageLocation[]>

/**
 * Downloads exported blobs. When storage refuses, because a signature has expired in the middle of a read, the containers are
 * asked for again, once for all blobs that are refused together, and the refused download is repeated.
 */
export class BlobFetcher {
  readonly #renew: RenewContainers
  readonly #onEvent: OnReadEvent
  #renewed: Promise<readonly StorageLocation[]> | undefined

  constructor(renew: RenewContainers, onEvent: OnReadEvent) {
    this.#renew = renew
    this.#onEvent = onEvent
  }

  async fetch(blob: ExportedBlob, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const known = this.#renewed
    const first = known === undefined ? blob.location : signedBy(await known, blob)
    try {
      return await this.#download(blob, first, signal)
    } catch (error) {
      if (!(error instanceof KustoAuthError)) throw error
      if (this.#renewed === known) this.#renewed = this.#ask(error, signal)
      const again = signedBy((await this.#renewed) ?? [], blob)
      if (!isSignedAnew(first, again)) throw error
      return await this.#download(blob, again, signal)
    }
  }

  async #ask(reason: KustoAuthError, signal: AbortSignal): Promise<readonly StorageLocation[]> {
    this.#onEvent({ kind: 'containers-renewed', reason: reason.message })
    try {
      return await this.#renew(signal)
    } catch (error) {
      // The next refusal asks again.
      this.#renewed = undefined
      throw error
    }
  }

  async #download(
    blob: ExportedBlob,
    location: StorageLocation,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return readBlob(location, {
      signal,
      ...(blob.bytes > 0 ? { expectedBytes: blob.bytes } : {}),
      ...(blob.etag === undefined ? {} : { expectedEtag: blob.etag }),
      onResume: ({ offset }) => this.#onEvent({ kind: 'download-resumed', url: location.url, offset }),
    })
  }
}

function signedBy(containers: readonly StorageLocation[], blob: ExportedBlob): StorageLocation {
  return blobAt(blob.location.url, containers) ?? blob.location
}

function isSignedAnew({ access: before }: StorageLocation, { access: after }: StorageLocation): boolean {
  return before.kind === 'sas' && after.kind === 'sas' && before.sas !== after.sas
}
