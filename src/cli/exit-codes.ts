import {
  KustoAuthError,
  KustoError,
  KustoIngestError,
  KustoProtocolError,
  KustoServiceError,
  KustoUsageError,
} from '../errors.ts'

export interface ExitCode {
  readonly code: number
  readonly means: string
}

/** Every exit code, for docs, help and scripts. */
export const EXIT_CODES: readonly ExitCode[] = [
  { code: 0, means: 'done; also when the reader of standard output went away, as `head` does' },
  { code: 1, means: 'failed, for a reason that has no code of its own; a regression that `bench compare` found' },
  { code: 2, means: 'the command line, an option or a file named on it is wrong' },
  { code: 3, means: 'authentication or permission' },
  { code: 4, means: 'a table, column or file is not there, or a schema does not fit' },
  { code: 5, means: 'a part failed: some blobs of a write; some checks of `doctor`; some runs of a benchmark' },
  { code: 6, means: 'integrity: counts, checksums or bytes do not agree' },
  { code: 7, means: 'throttled, or a deadline passed' },
  { code: 130, means: 'interrupted by Ctrl-C; 143 by SIGTERM' },
]

export const EXIT = { done: 0, failed: 1, usage: 2, access: 3, schema: 4, part: 5, integrity: 6, time: 7 } as const

const SCHEMA_CODES: ReadonlySet<string> = new Set([
  'KUSTO_DECLARED_MISMATCH',
  'KUSTO_SCHEMA_MISMATCH',
  'KUSTO_COLUMN_MISMATCH',
  'KUSTO_SCHEMA_DRIFT',
  'KUSTO_TABLE_NOT_FOUND',
  'KUSTO_UNKNOWN_COLUMN',
  'KUSTO_NO_COLUMN',
  'KUSTO_BAD_PARTITION_COLUMN',
  'KUSTO_BLOB_NOT_FOUND',
])
const INTEGRITY_CODES: ReadonlySet<string> = new Set([
  'KUSTO_ROW_COUNT_MISMATCH',
  'KUSTO_CHECKSUM_MISMATCH',
  'KUSTO_BLOB_CHANGED',
  'KUSTO_BAD_PARQUET',
])
const TIME_CODES: ReadonlySet<string> = new Set([
  'KUSTO_READ_TIMEOUT',
  'KUSTO_POLL_TIMEOUT',
  'KUSTO_TIMEOUT',
  'KUSTO_CONNECT_TIMEOUT',
  'KUSTO_STALLED',
])
/** Inner codes of the service for a name that it does not know. */
const UNKNOWN_NAME = /^SEM0(?:100|001|019|008)$|EntityNotFound/

/** The exit code that says what kind of failure it was. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof KustoError)) return isMissingFile(error) ? EXIT.schema : EXIT.failed
  if (error instanceof KustoAuthError) return EXIT.access
  if (TIME_CODES.has(error.code)) return EXIT.time
  if (SCHEMA_CODES.has(error.code)) return EXIT.schema
  if (INTEGRITY_CODES.has(error.code)) return EXIT.integrity
  if (error instanceof KustoServiceError) return ofService(error)
  if (error instanceof KustoIngestError)
    return error.failures.length > 0 || error.receipt !== undefined ? EXIT.part : EXIT.failed
  if (error instanceof KustoProtocolError) return EXIT.integrity
  if (error.code.startsWith('LOCAL_')) return EXIT.failed
  return error instanceof KustoUsageError ? EXIT.usage : EXIT.failed
}

function ofService({ status, code, innerCode = '', message }: KustoServiceError): number {
  if (status === 429 || /Throttl/i.test(code)) return EXIT.time
  if (status === 401 || status === 403) return EXIT.access
  const isUnknown =
    status === 404 || UNKNOWN_NAME.test(innerCode) || UNKNOWN_NAME.test(code) || /\bSEM0100\b/.test(message)
  return isUnknown ? EXIT.schema : EXIT.failed
}

function isMissingFile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
