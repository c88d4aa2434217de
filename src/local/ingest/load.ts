import { stat } from 'node:fs/promises'
import type { DuckSession } from '../engine/duck.ts'
import type { Column } from '../lang/syntax.ts'
import { LocalError } from '../server/local-error.ts'
import { FORMATS, type IngestFormat } from './formats.ts'
import { planDelimited } from './load-delimited.ts'
import { planJson } from './load-json.ts'
import { planParquet } from './load-parquet.ts'
import type { MappedColumn } from './mapping.ts'

/** One file to load, already inflated. */
export interface LoadRequest {
  readonly file: string
  /** Folder for rewritten copies; the caller deletes it after the data is in the table. */
  readonly scratch: string
  readonly format: IngestFormat
  readonly columns: readonly Column[]
  /** Default: by position for delimited formats, by name for the others. */
  readonly mapping?: readonly MappedColumn[] | undefined
  readonly ignoreFirstRecord?: boolean | undefined
  /** Whether records with another number of fields are filled up or cut instead of refused. Default false. */
  readonly acceptRagged?: boolean | undefined
  /** What the transform SourceLocation gives: the URL of the source, without its secret. */
  readonly sourceLocation: string
}

/** A file as rows of the table. */
export interface LoadPlan {
  /** SQL with one value per table column, in table order, in the internal representation. Reads the files of the scratch folder. */
  readonly select: string
  readonly records: number
  /** Bytes of the inflated file. */
  readonly bytes: number
}

/**
 * Plans how a file becomes rows of a table, by the text rules, mappings and Parquet type table of the service.
 *
 * @throws {LocalError} BadRequest_EmptyBlob, BadRequest_NoRecordsOrWrongFormat, Stream_WrongNumberOfFields and the other
 * errors of malformed data
 */
export async function planLoad(session: DuckSession, request: LoadRequest): Promise<LoadPlan> {
  const { size } = await stat(request.file)
  if (size === 0) throw new LocalError('BadRequest_EmptyBlob', `the source ${request.sourceLocation} is empty`)
  checkColumns(request)
  const plan = await planners[FORMATS[request.format].mapping](session, request)
  if (plan.records === 0) {
    throw new LocalError(
      'BadRequest_NoRecordsOrWrongFormat',
      `the source ${request.sourceLocation} has no records, or its format is not ${request.format}`,
    )
  }
  return { ...plan, bytes: size }
}

type Planner = (session: DuckSession, request: LoadRequest) => Promise<Omit<LoadPlan, 'bytes'>>

const planners: Readonly<Record<'csv' | 'json' | 'parquet', Planner>> = {
  csv: (_, request) => planDelimited(request),
  json: (_, request) => planJson(request),
  parquet: planParquet,
}

function checkColumns({ mapping, columns }: LoadRequest): void {
  for (const { column } of mapping ?? []) {
    if (!columns.some(({ name }) => name === column)) {
      throw new LocalError(
        'BadRequest_InvalidMapping',
        `the mapping names the column '${column}', which the table does not have`,
      )
    }
  }
}
