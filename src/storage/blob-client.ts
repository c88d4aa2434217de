import {
  AnonymousCredential,
  BlockBlobClient,
  ContainerClient,
  StorageSharedKeyCredential,
  newPipeline,
} from '@azure/storage-blob'
import type { Pipeline } from '@azure/storage-blob'
import type { StorageLocation } from './storage-location.ts'
import { tokenPolicy } from './token-policy.ts'

/** Repeating is done by `tryStorage` and by our own reader, which have time limits and honour Retry-After. */
const OPTIONS = { retryOptions: { maxTries: 1 } }

/** A client whose requests are tried once. */
export function blobClient(location: StorageLocation): BlockBlobClient {
  return new BlockBlobClient(signedUrl(location), pipeline(location))
}

/** A client whose requests are tried once: pages are asked for again by `tryStorage`. `location` is a container, without a path. */
export function listingClient(location: StorageLocation): ContainerClient {
  return new ContainerClient(signedUrl(location), pipeline(location))
}

/** How requests to a location's account are signed; each is tried once. */
export function containerPipeline(location: StorageLocation): Pipeline {
  return pipeline(location)
}

function signedUrl({ url, access }: StorageLocation): string {
  return access.kind === 'sas' ? `${url}?${access.sas}` : url
}

function pipeline({ access }: StorageLocation): Pipeline {
  switch (access.kind) {
    case 'sas':
      return newPipeline(new AnonymousCredential(), OPTIONS)
    case 'account-key':
      return newPipeline(new StorageSharedKeyCredential(access.accountName, access.accountKey), OPTIONS)
    case 'credential': {
      const signed = newPipeline(new AnonymousCredential(), OPTIONS)
      signed.factories.push(tokenPolicy(access.credential))
      return signed
    }
  }
}
