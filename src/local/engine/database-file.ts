import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { KustoUsageError } from '../../errors.ts'

/** Database files that this process has open. DuckDB's lock keeps other processes out, but not a second instance here. */
const open = new Set<string>()

/**
 * Takes a database file for one instance of this process; the returned function gives it back.
 *
 * @throws {KustoUsageError} LOCAL_DATA_IN_USE when another instance has it
 */
export function claimFile(path: string): () => void {
  const file = join(realpathSync(dirname(path)), basename(path))
  if (open.has(file)) throw inUse(path)
  open.add(file)
  return () => void open.delete(file)
}

/** DuckDB's failure to open a database file, in words that tell what to do. */
export function openFailure(cause: unknown, path: string): KustoUsageError {
  const message = cause instanceof Error ? cause.message : String(cause)
  if (/could not set lock|conflicting lock|used by another process/i.test(message)) return inUse(path, cause)
  const reason = message.split('\n', 1)[0] ?? ''
  return new KustoUsageError('LOCAL_DATA_UNREADABLE', `the database file ${path} cannot be opened: ${reason}`, {
    cause,
  })
}

function inUse(path: string, cause?: unknown): KustoUsageError {
  const message = `another embedded Kusto is using ${path}`
  return new KustoUsageError('LOCAL_DATA_IN_USE', message, cause === undefined ? {} : { cause })
}
