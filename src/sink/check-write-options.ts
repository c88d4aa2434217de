import { availableParallelism } from 'node:os'
import { badOption, oneOf, wholeNumber } from '../base/check-options.ts'
import type { MappingChoice } from './ingestion-options.ts'
import type { AdjustSchema, CreateMode } from './plan-schema.ts'
import type { WriteFormat, WriteSettings } from './write-settings.ts'

export const CREATE_MODES: readonly CreateMode[] = ['FailIfNotExist', 'CreateIfNotExist']
export const ADJUSTMENTS: readonly AdjustSchema[] = [
  'ByName',
  'NoAdjustment',
  'FailIfNotMatch',
  'GenerateDynamicCsvMapping',
  'AddColumns',
]
const FORMATS: readonly WriteFormat[] = ['parquet', 'csv']

/** A mapping says how columns meet, so that `adjustSchema` has nothing left to say. */
export function adjustmentOf(given: AdjustSchema | undefined, mapping: MappingChoice | undefined): AdjustSchema {
  const adjustSchema = oneOf('adjustSchema', given ?? 'ByName', ADJUSTMENTS)
  if (mapping !== undefined && given !== undefined && given !== 'NoAdjustment') {
    throw badOption(`expected adjustSchema left out beside a mapping, which says how columns meet, found ${given}`)
  }
  return adjustSchema
}

/** Some options are for CSV only, so they settle the format. */
export function formatOf(
  format: WriteFormat | undefined,
  csvOnly: readonly (readonly [boolean, string])[],
): WriteFormat | undefined {
  if (format !== undefined) oneOf('format', format, FORMATS)
  const reason = csvOnly.find(([isGiven]) => isGiven)?.[1]
  if (reason === undefined) return format
  if (format === 'parquet') throw badOption(`expected format 'csv' with ${reason}, found 'parquet'`)
  return 'csv'
}

/** What `deduplicateBlobs` says, false when it is left out. */
export function deduplicationOf(given: boolean | string | undefined): boolean | string {
  if (given === undefined || typeof given === 'boolean') return given ?? false
  if (typeof given === 'string' && given.trim() !== '') return given
  throw badOption('expected deduplicateBlobs to be true, false or a name for the data')
}

/** The option `requestId` after its check. */
export function requestIdOf(given: string | undefined): string | undefined {
  if (given === undefined || (typeof given === 'string' && /^[\x20-\x7e]{1,200}$/.test(given))) return given
  throw badOption('expected requestId to be a text of 1 to 200 printable ASCII characters')
}

/** An option that is true or false, and false when it is left out. */
export function flag(name: string, given: boolean | undefined): boolean {
  if (given === undefined || typeof given === 'boolean') return given ?? false
  throw badOption(`expected ${name} to be true or false, found ${typeof given}`)
}

/** What `encodeWorkers` says, or its default. */
export function workersOf(given: number | undefined): Pick<WriteSettings, 'encodeWorkers' | 'tableWorkers'> {
  if (given === undefined) {
    const encodeWorkers = Math.min(4, Math.max(1, availableParallelism() - 1))
    return { encodeWorkers, tableWorkers: encodeWorkers === 1 ? 0 : encodeWorkers }
  }
  const encodeWorkers = given === 0 ? 0 : wholeNumber('encodeWorkers', given, 64)
  return { encodeWorkers, tableWorkers: encodeWorkers }
}
