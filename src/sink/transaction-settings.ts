import { badOption, oneOf, wholeNumber } from '../base/check-options.ts'
import type { WriteOptions, WriteSettings } from './write-settings.ts'

/** How rows reach the table. */
export type WriteMode = 'queued' | 'transactional' | 'replace'

type Names = 'mode' | 'replaceTag' | 'stagingTable' | 'stagingTimeoutMs' | 'timeoutMs'

const MODES: readonly WriteMode[] = ['queued', 'transactional', 'replace']
const NOT_QUEUED = ['stagingTimeoutMs', 'timeoutMs'] as const
const MAX_MS = 10 * 365 * 86_400_000

/**
 * The options about how a write becomes visible, checked with those that they exclude.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION
 */
export function transactionSettings(
  options: Pick<WriteOptions, Names | 'create' | 'deduplicateBlobs'>,
): Pick<WriteSettings, Names> {
  const mode = oneOf('mode', options.mode ?? 'queued', MODES)
  const { replaceTag, stagingTable } = options
  if (replaceTag !== undefined) {
    if (mode !== 'replace') throw badOption(`expected replaceTag in mode 'replace' only, found mode '${mode}'`)
    if (typeof replaceTag !== 'string' || replaceTag === '' || replaceTag.startsWith('drop-by:')) {
      throw badOption('expected replaceTag to be a tag without the prefix drop-by:')
    }
  }
  if (stagingTable !== undefined) {
    if (mode !== 'transactional') {
      throw badOption(`expected stagingTable in mode 'transactional' only, found mode '${mode}'`)
    }
    if ((options.create ?? 'FailIfNotExist') !== 'FailIfNotExist') {
      throw badOption(`expected stagingTable with create 'FailIfNotExist' only, found '${String(options.create)}'`)
    }
    if (typeof stagingTable !== 'string' || stagingTable === '') {
      throw badOption('expected stagingTable to be the name of a table, found none')
    }
    if (options.stagingTimeoutMs !== undefined) {
      throw badOption("expected stagingTimeoutMs without stagingTable, which is the caller's and never deleted")
    }
  }
  if (mode === 'queued') {
    const name = NOT_QUEUED.find((each) => options[each] !== undefined)
    if (name !== undefined) throw badOption(`expected ${name} in the modes 'transactional' and 'replace' only`)
  } else if (typeof options.deduplicateBlobs === 'string') {
    throw badOption(
      `expected deduplicateBlobs true or false in mode '${mode}', found a name: name the data by ingestByTags and ingestIfNotExists`,
    )
  }
  const timeoutMs = wholeNumber('timeoutMs', options.timeoutMs ?? 3_600_000, MAX_MS)
  const stagingTimeoutMs = wholeNumber('stagingTimeoutMs', options.stagingTimeoutMs ?? 604_800_000, MAX_MS)
  // The table is given its time again until half of it is left at the last submission.
  if (stagingTimeoutMs < 2 * timeoutMs) {
    throw badOption(
      `expected stagingTimeoutMs to be at least twice timeoutMs (${timeoutMs}), found ${stagingTimeoutMs}`,
    )
  }
  return { mode, replaceTag, stagingTable, stagingTimeoutMs, timeoutMs }
}
