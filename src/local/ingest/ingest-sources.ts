import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep } from '../../base/sleep.ts'
import type { IngestOutcome } from '../engine/catalog.ts'
import type { DuckSession } from '../engine/duck.ts'
import { LocalError, notSupported } from '../server/local-error.ts'
import type { Services } from '../services.ts'
import { downloadToFile } from '../storage/blob-access.ts'
import type { StorageLocation } from '../storage/connection-string.ts'
import { formatOfName, type IngestFormat } from './formats.ts'
import { type IngestionProperties, resolveMapping } from './ingestion-properties.ts'
import { planLoad } from './load.ts'
import { DECIMAL_RANGE } from './text-to-column.ts'

export type IngestServices = Pick<Services, 'catalog' | 'duck'>

/** Where the data is: a blob, or bytes that came with the request. */
export type IngestSource =
  | { readonly kind: 'blob'; readonly location: StorageLocation; readonly maxBytes?: number }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly name: string; readonly format: IngestFormat }

export interface IngestSourcesRequest {
  readonly database: string
  readonly table: string
  readonly sources: readonly IngestSource[]
  readonly properties: IngestionProperties
  readonly signal?: AbortSignal | undefined
}

/** Tries when the table was altered while its data was prepared. */
const MAX_ATTEMPTS = 5

/**
 * Loads all sources into a table in one transaction, one extent per source that has rows.
 *
 * @throws {LocalError} the service's codes for missing entities, blobs that cannot be read, and malformed data
 */
export async function ingestSources(
  services: IngestServices,
  session: DuckSession,
  request: IngestSourcesRequest,
): Promise<readonly IngestOutcome[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'kusto-arrow-ingest-'))
  try {
    services.catalog.requireTable(request.database, request.table)
    const files = await fetchAll(request, scratch)
    for (let attempt = 1; ; attempt++) {
      try {
        return await ingestFiles(services, session, request, files)
      } catch (error) {
        request.signal?.throwIfAborted()
        const conflict = error instanceof LocalError && error.code === 'General_Conflict'
        if (!conflict || attempt >= MAX_ATTEMPTS) throw ingestError(error)
        await sleep(20 * attempt, request.signal)
      }
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

interface FetchedFile {
  readonly file: string
  readonly folder: string
  readonly source: IngestSource
}

async function fetchAll({ sources, signal }: IngestSourcesRequest, scratch: string): Promise<readonly FetchedFile[]> {
  const files: FetchedFile[] = []
  for (const [index, source] of sources.entries()) {
    signal?.throwIfAborted()
    const folder = join(scratch, String(index))
    await mkdir(folder)
    const file = join(folder, 'source')
    if (source.kind === 'bytes') await writeFile(file, source.bytes)
    else {
      refuseZip(source.location)
      const { bytes } = await downloadToFile(source.location, file, signal === undefined ? {} : { signal })
      if (source.maxBytes !== undefined && bytes > source.maxBytes) throw payloadTooLarge(source.maxBytes)
    }
    files.push({ file, folder, source })
  }
  return files
}

function refuseZip({ path }: StorageLocation): void {
  if (/\.zip$/i.test(path)) throw notSupported('ingestion from zip archives')
}

async function ingestFiles(
  services: IngestServices,
  session: DuckSession,
  request: IngestSourcesRequest,
  files: readonly FetchedFile[],
): Promise<readonly IngestOutcome[]> {
  const { catalog } = services
  const { properties } = request
  const table = catalog.requireTable(request.database, request.table)
  const requests = []
  for (const { file, folder, source } of files) {
    request.signal?.throwIfAborted()
    const format = properties.format ?? (source.kind === 'bytes' ? source.format : formatOfName(source.location.path))
    const plan = await planLoad(session, {
      file,
      scratch: folder,
      format,
      columns: table.columns,
      mapping: resolveMapping(catalog, table, format, properties),
      ignoreFirstRecord: properties.ignoreFirstRecord,
      acceptRagged: properties.acceptRagged,
      sourceLocation: source.kind === 'blob' ? source.location.url : source.name,
    })
    requests.push({
      table,
      select: plan.select,
      tags: properties.tags,
      ingestIfNotExists: properties.ingestIfNotExists,
      creationTicks: properties.creationTicks,
      originalSize: plan.bytes,
    })
  }
  const [first] = requests
  if (first === undefined || requests.length === 1 || properties.ingestIfNotExists.length === 0) {
    return catalog.ingest(session, requests)
  }
  // One extent for all: otherwise the tag of the first source would keep the second one out.
  const select = requests.map((each) => `(${each.select})`).join(' UNION ALL ')
  const originalSize = requests.reduce((sum, each) => sum + each.originalSize, 0)
  const [outcome] = await catalog.ingest(session, [{ ...first, select, originalSize }])
  return outcome === undefined ? [] : requests.map(() => outcome)
}

/** What a request with more data than its endpoint takes is answered with. */
export function payloadTooLarge(maxBytes: number): LocalError {
  return new LocalError('RequestPayloadTooLarge', `the data of the request is larger than ${maxBytes} bytes`, {
    status: 413,
    type: 'Kusto.Data.Exceptions.KustoRequestPayloadTooLargeException',
  })
}

/** DuckDB's words for what the data did wrong, as the service would say it. */
function ingestError(error: unknown): unknown {
  if (error instanceof LocalError || !(error instanceof Error)) return error
  if (error.message.includes(DECIMAL_RANGE)) {
    return notSupported(
      'a decimal with more than 20 digits before or 18 after the point, or 15 in all as a JSON number',
    )
  }
  if (/CSV Error|Invalid Input Error.*(CSV|Parquet)|Parquet/.test(error.message)) {
    return new LocalError('BadRequest_InvalidBlob', 'the data could not be read in the stated format', { cause: error })
  }
  return error
}
