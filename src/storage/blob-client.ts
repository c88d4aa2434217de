import {
  AnonymousCredential,
  BlockBlobClient,
  ContainerClient,
  StorageSharedKeyCredential,
  newPipeline,
} from '@azure/storage-blob'
import type { Pipeline, StoragePipelineOptions } from '@azure/storage-blob'
import type { StorageLocation } from './storage-location.ts'
import { tokenPolicy } from './token-policy.ts'

/**
 * Retries of one storage request by the SDK, 4 tries from 0.5 s. `tryTimeoutInMs` is only told to the service: without an
 * answer the SDK waits, so the caller brings a deadline.
 */
const RETRY: Retry = { maxTries: 4, retryDelayInMs: 500, maxRetryDelayInMs: 10_000, tryTimeoutInMs: 60_000 }
/** Downloads are resumed by our own reader, which knows what has arrived and honours Retry-After. */
const ONE_TRY: Retry = { maxTries: 1 }

type Retry = NonNullable<StoragePipelineOptions['retryOptions']>

export function blobClient(location: StorageLocation): BlockBlobClient {
  return new BlockBlobClient(signedUrl(location), pipeline(location, RETRY))
}

/** A client whose requests are tried once: uploads are repeated by `tryStorage`, which has a time limit and honours Retry-After. */
export function uploadClient(location: StorageLocation): BlockBlobClient {
  return downloadClient(location)
}

/** A client whose requests are tried once. */
export function downloadClient(location: StorageLocation): BlockBlobClient {
  return new BlockBlobClient(signedUrl(location), pipeline(location, ONE_TRY))
}

/** A client whose requests are tried once: pages are asked for again by `tryStorage`. `location` is a container, without a path. */
export function listingClient(location: StorageLocation): ContainerClient {
  return new ContainerClient(signedUrl(location), pipeline(location, ONE_TRY))
}

/** How requests to a location's account are signed; each is tried once. */
export function containerPipeline(location: StorageLocation): Pipeline {
  return pipeline(location, ONE_TRY)
}

function signedUrl({ url, access }: StorageLocation): string {
  return access.kind === 'sas' ? `${url}?${access.sas}` : url
}

function pipeline({ access }: StorageLocation, retryOptions: Retry): Pipeline {
  switch (access.kind) {
    case 'sas':
      return newPipeline(new AnonymousCredential(), { retryOptions })
    case 'account-key':
      return newPipeline(new StorageSharedKeyCredential(access.accountName, access.accountKey), { retryOptions })
    case 'credential': {
      const signed = newPipeline(new AnonymousCredential(), { retryOptions })
      signed.factories.push(tokenPolicy(access.credential))
      return signed
    }
  }
}
