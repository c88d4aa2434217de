import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { badOption } from '../base/check-options.ts'
import { formatOfName } from './ingest-formats.ts'
import { IngestReceipt } from './ingest-receipt.ts'
import { ingestSettings } from './ingest-settings.ts'
import type { IngestOptions } from './ingest-settings.ts'
import { ingestSource } from './ingest-source.ts'
import type { BytesInput } from './source-bytes.ts'
import type { StreamingContext } from './streaming-context.ts'

const READ_BYTES = 256 * 1024

/** Ingests a file of the disk, by its path or file URL; its name tells the format where the options do not. */
export async function ingestFile(
  context: StreamingContext,
  { table, path }: { readonly table: string; readonly path: string | URL },
  options: IngestOptions,
): Promise<IngestReceipt> {
  const file = typeof path === 'string' ? path : fileURLToPath(path)
  const settings = ingestSettings(options, () => formatOfName(basename(file)))
  const input = createReadStream(file, { highWaterMark: READ_BYTES })
  return new IngestReceipt(await ingestSource(context, { table, input }, settings), context.sink.ingestion)
}

/** Ingests the bytes of a stream; the options name the format. */
export async function ingestStream(
  context: StreamingContext,
  { table, input }: { readonly table: string; readonly input: BytesInput },
  options: IngestOptions,
): Promise<IngestReceipt> {
  const settings = ingestSettings(options, () => {
    throw badOption('expected the option format, because a stream has no name that tells it, found none')
  })
  return new IngestReceipt(await ingestSource(context, { table, input }, settings), context.sink.ingestion)
}
