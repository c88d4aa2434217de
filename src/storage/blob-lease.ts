import { BlobLeaseClient } from '@azure/storage-blob'
import { NO_RETRY } from '../base/retry.ts'
import { blobClient } from './blob-client.ts'
import { codeOf } from './storage-error.ts'
import type { StorageLocation } from './storage-location.ts'
import { STORAGE_RETRY, tryStorage } from './try-storage.ts'

export interface BlobLeaseOptions {
  /** How long the lease lives after it was taken or renewed: 15 to 60. */
  readonly seconds: number
  /** What one try of a request may take. Default 30,000, or a tenth of the lease's life for a renewal. */
  readonly limitMs?: number
}

const LIMIT_MS = 30_000
/** Storage that does not take a lease back in this time lets it end by itself. */
const RELEASE_LIMIT_MS = 5_000
/** The same where somebody waits for the end of an abort. */
const HURRIED_LIMIT_MS = 800

/** A lease of a blob: whoever holds it is alive. Requests that are repeated ask for the same lease. */
export class BlobLease {
  readonly #client: BlobLeaseClient
  readonly #options: BlobLeaseOptions

  constructor(blob: StorageLocation, options: BlobLeaseOptions) {
    this.#client = new BlobLeaseClient(blobClient(blob))
    this.#options = options
  }

  /** Rejects with LeaseAlreadyPresent, as `codeOf` tells it, while somebody else has the lease. */
  async acquire(signal: AbortSignal | undefined): Promise<void> {
    const { seconds, limitMs = LIMIT_MS } = this.#options
    await tryStorage((abortSignal) => this.#client.acquireLease(seconds, { abortSignal }), { limitMs, signal })
  }

  /** Ends the lease of whoever has it; none is as good. */
  async breakAny(signal: AbortSignal | undefined): Promise<void> {
    const { limitMs = LIMIT_MS } = this.#options
    try {
      await tryStorage((abortSignal) => this.#client.breakLease(0, { abortSignal }), { limitMs, signal })
    } catch (cause) {
      if (codeOf(cause) !== 'LeaseNotPresentWithLeaseOperation') throw cause
    }
  }

  /** Lengthens the lease's life; all its tries together take less than half of that. */
  async renew(): Promise<void> {
    const { seconds, limitMs = (seconds * 1000) / 10 } = this.#options
    const policy = { ...STORAGE_RETRY, maxAttempts: 3, firstDelayMs: 500, maxDelayMs: 1_000 }
    await tryStorage((abortSignal) => this.#client.renewLease({ abortSignal }), { limitMs, policy })
  }

  /** Gives the lease back, in one try; in a hurry when the signal is aborted. */
  async release(signal?: AbortSignal): Promise<void> {
    const { limitMs = signal?.aborted === true ? HURRIED_LIMIT_MS : RELEASE_LIMIT_MS } = this.#options
    await tryStorage((abortSignal) => this.#client.releaseLease({ abortSignal }), { limitMs, policy: NO_RETRY })
  }
}
