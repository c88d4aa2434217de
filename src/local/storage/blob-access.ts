import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { Readable } from 'node:stream'
import {
  AnonymousCredential,
  type BlobClient,
  BlobServiceClient,
  type ContainerClient,
  RestError,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { LocalError } from '../server/local-error.ts'
import type { StorageLocation } from './connection-string.ts'

/** Blocks of one upload that are under way at once, and their size in bytes. */
const UPLOAD_CONCURRENCY = 4
const UPLOAD_BLOCK_BYTES = 8 * 1024 * 1024

export interface TransferOptions {
  readonly signal?: AbortSignal
}

/** The container of a location, signed as its connection string says. */
export function openContainer(location: StorageLocation): ContainerClient {
  const { credential } = location
  const query = credential.kind === 'sas' ? `?${credential.query}` : ''
  const service = new BlobServiceClient(
    `${location.endpoint}${query}`,
    credential.kind === 'key'
      ? new StorageSharedKeyCredential(credential.account, credential.key)
      : new AnonymousCredential(),
    { retryOptions: { maxTries: 3, retryDelayInMs: 100, maxRetryDelayInMs: 1_000 } },
  )
  return service.getContainerClient(location.container)
}

function openBlob(location: StorageLocation): BlobClient {
  if (location.path === '')
    throw new LocalError('BadRequest_InvalidBlobUri', `${location.url} names a container, not a blob`)
  return openContainer(location).getBlobClient(location.path)
}

export interface DownloadedFile {
  /** Bytes in the file, after decompression. */
  readonly bytes: number
}

/**
 * Downloads a blob to a file and inflates it when its name ends in `.gz` or its Content-Encoding is gzip.
 *
 * @throws {LocalError} Download_SourceNotFound, Download_Forbidden (permanent) or Download_UnknownError (transient)
 */
export async function downloadToFile(
  location: StorageLocation,
  file: string,
  options: TransferOptions = {},
): Promise<DownloadedFile> {
  const blob = openBlob(location)
  try {
    const answer = await blob.download(
      0,
      undefined,
      options.signal === undefined ? {} : { abortSignal: options.signal },
    )
    const body = answer.readableStreamBody
    if (body === undefined)
      throw new LocalError('Download_UnknownError', `no body came for ${location.url}`, {
        status: 500,
        permanent: false,
      })
    const target = createWriteStream(file)
    const stream = Readable.from(body)
    const compressed = /\.gz$/i.test(location.path) || answer.contentEncoding?.toLowerCase() === 'gzip'
    await (compressed ? pipeline(stream, createGunzip(), target, options) : pipeline(stream, target, options))
    return { bytes: target.bytesWritten }
  } catch (error) {
    options.signal?.throwIfAborted()
    throw downloadError(error, location)
  }
}

/** Uploads a file as one blob, in parallel blocks when it is large. */
export async function uploadFile(
  container: ContainerClient,
  name: string,
  file: string,
  options: TransferOptions = {},
): Promise<void> {
  const blob = container.getBlockBlobClient(name)
  try {
    await blob.uploadFile(file, {
      blockSize: UPLOAD_BLOCK_BYTES,
      concurrency: UPLOAD_CONCURRENCY,
      ...(options.signal === undefined ? {} : { abortSignal: options.signal }),
    })
  } catch (error) {
    options.signal?.throwIfAborted()
    throw uploadError(error, blob.url)
  }
}

/** Deletes a blob; a blob that is gone already is no failure. */
export async function removeBlob(location: StorageLocation, options: TransferOptions = {}): Promise<void> {
  await openBlob(location).deleteIfExists({
    deleteSnapshots: 'include',
    ...(options.signal === undefined ? {} : { abortSignal: options.signal }),
  })
}

function downloadError(error: unknown, location: StorageLocation): LocalError {
  if (error instanceof LocalError) return error
  if (isZlibError(error)) {
    return new LocalError('BadRequest_InvalidArchive', `${location.url} is not valid gzip`, { cause: error })
  }
  const status = error instanceof RestError ? error.statusCode : undefined
  if (status === 404) {
    return new LocalError('Download_SourceNotFound', `the source ${location.url} was not found`, { cause: error })
  }
  if (status === 401 || status === 403) {
    return new LocalError('Download_Forbidden', `access to the source ${location.url} was refused`, { cause: error })
  }
  if (status === 400) {
    return new LocalError('Download_BadRequest', `storage refused the request for ${location.url}`, { cause: error })
  }
  return new LocalError('Download_UnknownError', `the source ${location.url} could not be read`, {
    status: 500,
    permanent: false,
    cause: error,
  })
}

function uploadError(error: unknown, url: string): LocalError {
  const where = url.split('?', 1)[0] ?? ''
  const status = error instanceof RestError ? error.statusCode : undefined
  if (status !== undefined && status >= 400 && status < 500) {
    const reason = error instanceof RestError ? (error.code ?? String(status)) : String(status)
    return new LocalError('BadRequest_StorageAccess', `storage refused to write ${where}: ${reason}`, { cause: error })
  }
  return new LocalError('General_InternalServerError', `writing ${where} failed`, {
    status: 500,
    permanent: false,
    cause: error,
  })
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_')
}
