import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import pLimit from 'p-limit'
import type { DuckSession } from '../engine/duck.ts'
import { planQuery } from '../engine/query.ts'
import type { ResultTable } from '../engine/result-table.ts'
import { rollBack } from '../engine/transaction.ts'
import { quoteText } from '../kql/sql.ts'
import type { Cell, Column } from '../lang/syntax.ts'
import { LocalError } from '../server/local-error.ts'
import type { Services } from '../services.ts'
import { openContainer, uploadFile } from './blob-access.ts'
import { parseStorageConnectionString, type StorageLocation } from './connection-string.ts'
import { exportColumns, exportSize } from './export-columns.ts'
import { type ExportClause, type ExportSettings, exportSettings } from './export-properties.ts'

export interface ExportCommand extends ExportClause {
  readonly database: string
  /** The text after `<|`. */
  readonly query: string
  /** Storage connection strings of containers or folders; artifacts go to them in turn. */
  readonly targets: readonly string[]
  /** Request properties. */
  readonly options: ReadonlyMap<string, unknown>
  readonly signal: AbortSignal
}

const RESULT_COLUMNS: readonly Column[] = [
  { name: 'Path', type: 'string' },
  { name: 'NumRecords', type: 'long' },
  { name: 'SizeInBytes', type: 'long' },
]

/** Writers that the embedded Kusto pretends to have, by distribution. */
const WRITERS: Readonly<Record<ExportSettings['distribution'], number>> = { single: 1, per_node: 2, per_shard: 4 }

/** Artifacts that are uploaded at once while the next one is written. */
const UPLOADS = 4

/**
 * Writes the first result of a query to blobs and gives one row per artifact; no rows, no artifacts. Artifacts that were
 * written before a failure stay, as they do in the service.
 *
 * @throws {LocalError} 400 for properties and targets that are not understood, and for storage that refuses
 */
export async function exportToStorage(
  services: Services,
  session: DuckSession,
  command: ExportCommand,
): Promise<ResultTable> {
  const settings = exportSettings(command, services.minimumSizeLimit)
  const targets = command.targets.map(parseStorageConnectionString)
  if (targets.length === 0) throw new LocalError('General_BadRequest', 'an export needs a storage connection string')
  const columns = await storeResult(services, session, command)
  try {
    const measured = await session.rows(
      `SELECT count(*), (${exportSize(columns, settings.format)})::BIGINT FROM ${RESULT}`,
    )
    const plan = planArtifacts(Number(measured[0]?.[0] ?? 0), Number(measured[0]?.[1] ?? 0), settings)
    return await writeArtifacts({ session, columns, settings, targets, plan, signal: command.signal })
  } finally {
    // The session has an end of its own when it was interrupted.
    if (!command.signal.aborted) await session.run(`DROP TABLE IF EXISTS ${RESULT}`)
  }
}

/** The result is kept once: a second evaluation of the query could give other rows. */
const RESULT = 'temp.export_result'

async function storeResult(
  services: Services,
  session: DuckSession,
  command: ExportCommand,
): Promise<readonly Column[]> {
  const planned = await services.catalog.read(session, () =>
    planQuery(services, session, {
      text: command.query,
      database: command.database,
      options: command.options,
      parameters: new Map(),
    }),
  )
  try {
    const [first] = planned.results
    if (first === undefined) throw new LocalError('General_BadRequest', 'the exported query gives no table')
    await session.run(`CREATE OR REPLACE TEMP TABLE export_result AS ${withNames(first.sql, first.columns.length)}`)
    await session.run('COMMIT')
    return first.columns
  } catch (error) {
    await rollBack(session)
    throw error
  }
}

function withNames(sql: string, count: number): string {
  return `SELECT * FROM (${sql}) AS result(${Array.from({ length: count }, (_, index) => `c${index}`).join(', ')})`
}

/** Rows of each artifact, in order. */
export function planArtifacts(
  rows: number,
  bytes: number,
  settings: Pick<ExportSettings, 'distribution' | 'sizeLimit' | 'rowGroupRows'>,
): readonly number[] {
  if (rows === 0) return []
  // A writer gets something to do when there is more than a row group of it.
  const writers = Math.min(WRITERS[settings.distribution], Math.ceil(rows / settings.rowGroupRows))
  const perLimit = Math.max(1, Math.floor(settings.sizeLimit / (bytes / rows)))
  const plan: number[] = []
  for (let writer = 0; writer < writers; writer++) {
    const share = Math.floor((rows * (writer + 1)) / writers) - Math.floor((rows * writer) / writers)
    const files = Math.ceil(share / perLimit)
    for (let file = 0; file < files; file++) {
      plan.push(Math.floor((share * (file + 1)) / files) - Math.floor((share * file) / files))
    }
  }
  return plan
}

interface WriteRequest {
  readonly session: DuckSession
  readonly columns: readonly Column[]
  readonly settings: ExportSettings
  readonly targets: readonly StorageLocation[]
  readonly plan: readonly number[]
  readonly signal: AbortSignal
}

async function writeArtifacts(request: WriteRequest): Promise<ResultTable> {
  const { settings, targets, plan, signal } = request
  const folder = await mkdtemp(join(tmpdir(), 'kusto-arrow-export-'))
  const containers = targets.map((target) => ({ target, client: openContainer(target) }))
  const prefix = settings.namePrefix ?? randomUUID().replaceAll('-', '')
  const limit = pLimit(UPLOADS)
  const stop = new AbortController()
  const uploads: Promise<readonly Cell[]>[] = []
  const failures: unknown[] = []
  try {
    let from = 0
    for (const [index, rows] of plan.entries()) {
      signal.throwIfAborted()
      if (failures.length > 0) break
      const file = join(folder, String(index))
      await writeArtifact(request, { file, from, rows, index })
      from += rows
      const { target, client } = pick(containers, index)
      const name = `${target.path === '' ? '' : `${target.path}/`}${artifactName(prefix, index, settings)}`
      const upload = limit(async (): Promise<readonly Cell[]> => {
        const sent = await compressed(file, settings)
        const { size } = await stat(sent)
        await uploadFile(client, name, sent, { signal: AbortSignal.any([signal, stop.signal]) })
        await rm(sent)
        return [client.getBlockBlobClient(name).url.split('?', 1)[0] ?? '', BigInt(rows), BigInt(size)]
      })
      upload.catch((error: unknown) => failures.push(error))
      uploads.push(upload)
    }
    return { columns: RESULT_COLUMNS, rows: await Promise.all(uploads) }
  } catch (error) {
    stop.abort(error)
    signal.throwIfAborted()
    throw error
  } finally {
    await Promise.allSettled(uploads)
    await rm(folder, { recursive: true, force: true })
  }
}

function pick<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length]
  if (item === undefined) throw new RangeError('no targets')
  return item
}

/** Unique per run: a second export never overwrites a first. */
function artifactName(prefix: string, index: number, { fileExtension, format, compression }: ExportSettings): string {
  const suffix = format !== 'parquet' && compression === 'gzip' ? '.gz' : ''
  return `${prefix}_${index + 1}_${randomUUID().replaceAll('-', '')}${fileExtension}${suffix}`
}

interface Artifact {
  readonly file: string
  readonly from: number
  readonly rows: number
  readonly index: number
}

async function writeArtifact({ session, columns, settings }: WriteRequest, artifact: Artifact): Promise<void> {
  const { file, from, rows, index } = artifact
  const source = `SELECT ${exportColumns(columns, settings)} FROM ${RESULT} WHERE rowid >= ${from} AND rowid < ${from + rows}`
  const head = headOf(columns, settings, index)
  const data = head.length === 0 ? file : `${file}.data`
  const written = await session.rows(`COPY (${source}) TO ${quoteText(data)} (${copyOptions(settings)})`)
  if (Number(written[0]?.[0]) !== rows) {
    throw new LocalError(
      'General_InternalServerError',
      `an artifact has ${String(written[0]?.[0])} rows instead of ${rows}`,
      { status: 500, permanent: false },
    )
  }
  if (head.length > 0) await prepend(head, data, file)
}

function copyOptions({ format, compression, rowGroupRows }: ExportSettings): string {
  switch (format) {
    case 'parquet':
      return `FORMAT parquet, COMPRESSION ${compression === 'none' ? 'uncompressed' : compression}, ROW_GROUP_SIZE ${rowGroupRows}`
    case 'json':
      return 'FORMAT json, COMPRESSION none'
    case 'csv':
    case 'tsv':
      return `FORMAT csv, HEADER false, DELIMITER ${format === 'csv' ? "','" : "'\t'"}, QUOTE '"', ESCAPE '"', COMPRESSION none`
  }
}

/** The file to upload: text is compressed here and not by DuckDB, which takes several times as long for it. */
async function compressed(file: string, { format, compression }: ExportSettings): Promise<string> {
  if (format === 'parquet' || compression !== 'gzip') return file
  const target = `${file}.gz`
  await pipeline(createReadStream(file), createGzip({ level: 1 }), createWriteStream(target))
  await rm(file)
  return target
}

/** Byte order mark and header line. DuckDB's own header would rename columns that differ by case only. */
function headOf(columns: readonly Column[], settings: ExportSettings, index: number): Buffer {
  const { includeHeaders, format, byteOrderMark } = settings
  const hasHeader = includeHeaders === 'all' || (includeHeaders === 'firstFile' && index === 0)
  const names = columns.map(({ name }) => (/[",\t\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name))
  const text = `${byteOrderMark ? '\ufeff' : ''}${hasHeader ? `${names.join(format === 'csv' ? ',' : '\t')}\n` : ''}`
  return Buffer.from(text)
}

async function prepend(head: Buffer, data: string, file: string): Promise<void> {
  const target = createWriteStream(file)
  target.write(head)
  await pipeline(createReadStream(data), target)
  await rm(data)
}
