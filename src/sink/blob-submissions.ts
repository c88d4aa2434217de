import { randomUUID } from 'node:crypto'
import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import type { StagedBlob } from './ingestion-service.ts'
import type { WriteSettings } from './write-settings.ts'

/** Blobs that are handed over together, because the service is to treat them alike. */
export interface Submission {
  readonly blobs: readonly StagedBlob[]
  readonly properties: IngestionProperties
}

/** How the tags begin that `deduplicateBlobs` gives to extents, after `ingest-by:`. */
export const BLOB_TAG_PREFIX = 'kusto-arrow-blob:'

/**
 * Groups the blobs of a write into submissions: with a tag of its own each blob is one, and blobs that are full may be
 * flushed while the last one waits. Blobs must come in the order of the data, for their number is part of the tag.
 */
export function blobSubmissions(
  properties: IngestionProperties,
  { deduplicateBlobs, flushFullBlobs }: Pick<WriteSettings, 'deduplicateBlobs' | 'flushFullBlobs'>,
): (blobs: readonly StagedBlob[], end: { readonly isLast: boolean }) => readonly Submission[] {
  const name = deduplicateBlobs === true ? randomUUID() : deduplicateBlobs
  const flushed = Object.freeze({ ...properties, flushImmediately: true })
  let count = 0
  return (blobs, { isLast }) => {
    const submissions: { readonly blobs: StagedBlob[]; readonly properties: IngestionProperties }[] = []
    for (const [at, blob] of blobs.entries()) {
      const isFull = !isLast || at < blobs.length - 1
      const shared = flushFullBlobs && isFull ? flushed : properties
      const number = count++
      const own = name === false ? shared : withBlobTag(shared, `${BLOB_TAG_PREFIX}${name}:${number}`)
      const open = submissions.at(-1)
      if (open?.properties === own) open.blobs.push(blob)
      else submissions.push({ blobs: [blob], properties: own })
    }
    return submissions
  }
}

function withBlobTag(properties: IngestionProperties, tag: string): IngestionProperties {
  return Object.freeze({
    ...properties,
    tags: Object.freeze([...(properties.tags ?? []), `ingest-by:${tag}`]),
    ingestIfNotExists: Object.freeze([...(properties.ingestIfNotExists ?? []), tag]),
  })
}
