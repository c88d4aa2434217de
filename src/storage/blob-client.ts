import { BlockBlobClient, ContainerClient, StorageSharedKeyCredential, newPipeline } from '@azure/storage-blob'
import type { Pipeline } from '@azure/storage-blob'
import type { StorageLocation } from './storage-location.ts'

/** Retries of one storage request by the SDK: 4 tries from 0.5 s, at most 60 s each. Resuming a broken body is ours. */
const RETRY = { maxTries: 4, retryDelayInMs: 500, maxRetryDelayInMs: 10_000, tryTimeoutInMs: 60_000 }

export function blobClient(location: StorageLocation): BlockBlobClient {
  return new BlockBlobClient(signedUrl(location), pipeline(location))
}

export function containerClient(location: StorageLocation): ContainerClient {
  return new ContainerClient(signedUrl(location), pipeline(location))
}

function signedUrl({ url, access }: StorageLocation): string {
  return access.kind === 'sas' ? `${url}?${access.sas}` : url
}

function pipeline({ access }: StorageLocation): Pipeline {
  const credential =
    access.kind === 'account-key' ? new StorageSharedKeyCredential(access.accountName, access.accountKey) : undefined
  return newPipeline(credential, { retryOptions: RETRY })
}
