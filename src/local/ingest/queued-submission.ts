import { randomUUID } from 'node:crypto'
import { LocalError } from '../server/local-error.ts'
import { parseStorageConnectionString } from '../storage/connection-string.ts'
import { parseIngestionProperties } from './ingestion-properties.ts'
import { objectFields } from './queue-message.ts'

/** Most blobs of one request. */
export const MAX_BLOBS: number = 20
/** Largest blob, in bytes before compression. */
export const MAX_DATA_BYTES: number = 6 * 1024 * 1024 * 1024

/** A checked request for queued ingestion. */
export interface Submission {
  readonly blobs: readonly { readonly url: string; readonly sourceId: string }[]
  readonly properties: readonly (readonly [string, unknown])[]
  readonly isTracked: boolean
  readonly deleteBlobs: boolean
}

/** Checks a request whole, before anything of it is ingested. Keys in any case. */
export function parseSubmission(body: unknown): Submission {
  const fields = fieldsOf(body, 'the request')
  const blobs = fields.get('blobs')
  if (!Array.isArray(blobs) || blobs.length === 0) throw bad('the request names no blobs')
  if (blobs.length > MAX_BLOBS) throw bad(`the request has ${blobs.length} blobs, more than ${MAX_BLOBS}`)
  const parsed = blobs.map(parseBlob)
  if (new Set(parsed.map(({ url }) => url)).size < parsed.length) throw bad('a blob is named twice')
  const given = fieldsOf(fields.get('properties'), 'properties')
  if (typeof given.get('format') !== 'string') throw bad('the property format is required')
  const own = ['enabletracking', 'skipbatching', 'deleteafterdownload', 'ignoresizelimit']
  for (const name of own) {
    const value = given.get(name)
    if (value !== undefined && value !== null && typeof value !== 'boolean')
      throw bad(`the property ${name} must be true or false`)
  }
  const properties = [...given].filter(([name]) => !own.includes(name))
  // Nothing is kept of this; it tells now what would otherwise fail in the background.
  parseIngestionProperties(properties)
  return {
    blobs: parsed,
    properties,
    isTracked: given.get('enabletracking') === true,
    deleteBlobs: given.get('deleteafterdownload') === true,
  }
}

function parseBlob(value: unknown): { readonly url: string; readonly sourceId: string } {
  const fields = fieldsOf(value, 'a blob')
  const url = fields.get('url')
  const sourceId = fields.get('sourceid')
  const rawSize = fields.get('rawsize')
  if (typeof url !== 'string' || url === '') throw new LocalError('BadRequest_EmptyBlobUri', 'a blob has no url')
  parseStorageConnectionString(url)
  if (sourceId !== undefined && sourceId !== null && typeof sourceId !== 'string')
    throw bad('a sourceId must be a text')
  if (typeof rawSize === 'number' && rawSize > MAX_DATA_BYTES) {
    throw new LocalError('BadRequest_FileTooLarge', `a blob of ${rawSize} bytes is larger than ${MAX_DATA_BYTES}`)
  }
  return { url, sourceId: sourceId ?? randomUUID() }
}

function fieldsOf(value: unknown, what: string): ReadonlyMap<string, unknown> {
  try {
    return objectFields(value)
  } catch (cause) {
    throw new LocalError('BadRequest', `${what} must be a JSON object`, { cause })
  }
}

function bad(message: string): LocalError {
  return new LocalError('BadRequest', message)
}
