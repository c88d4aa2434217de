import type { StreamingWriteOptions, WriteOptions } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import type { FlagValues } from './flags.ts'
import { readFileText } from './read-text.ts'
import { storageOf } from './storage-of.ts'
import { usageError } from './usage-error.ts'
import { ADJUSTMENTS, STAGE_KINDS, WRITE_COMPRESSIONS, WRITE_FORMATS, WRITE_MODES } from './write-flags.ts'

/** The options of a write that flags stand for. */
export async function writeOptions(call: CliCall): Promise<WriteOptions | StreamingWriteOptions> {
  const { flags, signal } = call
  const mode = flags.choice('mode', WRITE_MODES) ?? 'queued'
  const mappingFile = flags.text('mapping')
  const creationTime = flags.text('creation-time')
  const timeoutMs = mode === 'transactional' || mode === 'replace' ? flags.durationMs('wait-timeout') : undefined
  const options = given({
    create: flags.on('create') ? ('CreateIfNotExist' as const) : undefined,
    adjustSchema: flags.choice('adjust-schema', ADJUSTMENTS),
    format: flags.choice('format', WRITE_FORMATS),
    compression: flags.choice('compression', WRITE_COMPRESSIONS),
    maxBlobBytes: flags.bytes('blob-size'),
    uploads: flags.number('uploads'),
    encodeWorkers: flags.number('encode-workers'),
    maxBufferedBytes: flags.bytes('buffer'),
    flushImmediately: flags.on('flush') ? true : undefined,
    flushFullBlobs: flags.on('flush-full-blobs') ? true : undefined,
    deleteIngestedBlobs: flags.on('keep-blobs') ? false : undefined,
    dropByTags: someOf(flags, 'drop-by'),
    ingestByTags: someOf(flags, 'ingest-by'),
    additionalTags: someOf(flags, 'tag'),
    ingestIfNotExists: someOf(flags, 'unless-ingested'),
    deduplicateBlobs: flags.text('deduplicate'),
    creationTime: creationTime === undefined ? undefined : dateOf(creationTime),
    ingestionMapping: mappingFile === undefined ? undefined : await readFileText(mappingFile),
    ingestionMappingReference: flags.text('mapping-name'),
    sourceLocationColumn: flags.text('source-column'),
    replaceTag: flags.text('replace-tag'),
    stagingTable: flags.text('staging-table'),
    stagingTimeoutMs: flags.durationMs('staging-timeout'),
    timeoutMs,
    ingestionStorage: storageOf(call, STAGE_KINDS),
  })
  if (mode !== 'streaming') return { ...options, mode, signal }
  if (options.format === 'parquet') throw usageError('--mode streaming sends CSV; leave --format out')
  const { format: _format, ...others } = options
  return { ...others, mode, signal }
}

type Given<T> = { readonly [Key in keyof T]?: Exclude<T[Key], undefined> }

/** What was said, without what was left out. */
function given<T extends object>(options: T): Given<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Given<T>
}

function someOf(flags: FlagValues, name: string): readonly string[] | undefined {
  const list = flags.list(name)
  return list.length === 0 ? undefined : list
}

function dateOf(text: string): Date {
  const date = new Date(text)
  if (Number.isNaN(date.getTime()))
    throw usageError(`expected --creation-time to be a time such as 2026-01-31T10:00:00Z, found ${text}`)
  return date
}
