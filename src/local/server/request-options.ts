import { parseTimespan } from '../kql/types.ts'
import { LocalError, notSupported } from './local-error.ts'

/** Request properties by name, as they came in `Options` or in `set` statements. */
export type RequestOptions = ReadonlyMap<string, unknown>

/** What a query's answer is to look like and how far it may go. */
export interface QuerySettings {
  /** Rows and bytes at which the result is too large; Infinity when truncation is off. */
  readonly maxRows: number
  readonly maxBytes: number
  /** `query_take_max_records`: rows at which the result silently ends. */
  readonly takeRows: number
  readonly timeoutMs: number
  readonly deferFailures: boolean
  readonly schemaOnly: boolean
  readonly layout: FrameLayout
  /** Rows per fragment at least, when the client asked for a cadence. */
  readonly fragmentRows: number | undefined
}

/** Shape of a v2 answer. */
export interface FrameLayout {
  readonly progressive: boolean
  readonly fragmented: boolean
  readonly newlines: boolean
  readonly placement: ErrorPlacement
}

export type ErrorPlacement = 'in_data' | 'end_of_table' | 'end_of_dataset'

const DEFAULT_MAX_ROWS = 500_000
const DEFAULT_MAX_BYTES = 67_108_864
export const QUERY_TIMEOUT_MS = 240_000
export const COMMAND_TIMEOUT_MS = 600_000
const MAX_TIMEOUT_MS = 3_600_000

/** Options that the text cannot set; `set` statements naming them change nothing. */
const NOT_SETTABLE: ReadonlySet<string> = new Set([
  'norequesttimeout',
  'queryconsistency',
  'query_language',
  'query_log_query_parameters',
  'query_weakconsistency_session_id',
  'request_app_name',
  'request_readonly',
  'request_readonly_hardline',
  'request_user',
  'results_progressive_enabled',
  'results_v2_fragment_primary_tables',
  'servertimeout',
])

/** Options that change which rows a query gives, in ways that are not reproduced here; ignoring them would be a wrong answer. */
const NOT_SUPPORTED: ReadonlySet<string> = new Set([
  'query_cursor_after_default',
  'query_cursor_before_or_at_default',
  'query_cursor_current',
  'query_datetimescope_column',
  'query_datetimescope_from',
  'query_datetimescope_to',
  'validatepermissions',
  'validate_permissions',
])

/** `Options` with the `set` statements of the text laid over them. */
export function withSetStatements(
  options: RequestOptions,
  statements: ReadonlyMap<string, string | true>,
): RequestOptions {
  const merged = new Map(options)
  for (const [name, value] of statements) {
    if (!NOT_SETTABLE.has(name.toLowerCase())) merged.set(name.toLowerCase(), value)
  }
  return merged
}

/** @throws {LocalError} 400 for a value that is not of its option's type */
export function querySettings(options: RequestOptions): QuerySettings {
  checkSupported(options)
  const maxRows = numberOption(options, 'truncationmaxrecords')
  const maxBytes = numberOption(options, 'truncationmaxsize')
  const takeRows = numberOption(options, 'query_take_max_records')
  const limited = maxRows !== undefined || maxBytes !== undefined || takeRows !== undefined
  const unlimited = flagOption(options, 'notruncation') && !limited
  return {
    maxRows: maxRows ?? (unlimited ? Infinity : DEFAULT_MAX_ROWS),
    maxBytes: maxBytes ?? (unlimited ? Infinity : DEFAULT_MAX_BYTES),
    takeRows: takeRows ?? Infinity,
    timeoutMs: timeoutOption(options, QUERY_TIMEOUT_MS),
    deferFailures: flagOption(options, 'deferpartialqueryfailures'),
    schemaOnly: flagOption(options, 'query_results_apply_getschema'),
    layout: {
      progressive: flagOption(options, 'results_progressive_enabled'),
      fragmented: flagOption(options, 'results_v2_fragment_primary_tables'),
      newlines: flagOption(options, 'results_v2_newlines_between_frames'),
      placement: placementOption(options),
    },
    fragmentRows: numberOption(options, 'query_results_progressive_row_count'),
  }
}

/** Every other option, known or not, is accepted: it has no meaning on one machine, or the service ignores it too. */
function checkSupported(options: RequestOptions): void {
  for (const [name, value] of options) {
    if (NOT_SUPPORTED.has(name) && value !== null && value !== false && value !== '') {
      throw notSupported(`request property '${name}'`)
    }
  }
  const language = textOption(options, 'query_language')?.toLowerCase() ?? 'kql'
  if (language !== 'kql' && language !== 'csl') throw notSupported(`query_language '${language}'`)
}

/** The server timeout of a request, at most an hour. */
export function timeoutOption(options: RequestOptions, defaultMs: number): number {
  if (flagOption(options, 'norequesttimeout')) return MAX_TIMEOUT_MS
  const given = options.get('servertimeout')
  if (given === undefined || given === null) return defaultMs
  const parsed = parseTimespanMs(given)
  if (parsed === undefined || parsed <= 0) throw badOption('servertimeout', given, 'a timespan')
  return Math.min(parsed, MAX_TIMEOUT_MS)
}

export function flagOption(options: RequestOptions, name: string): boolean {
  const value = options.get(name)
  if (value === undefined || value === null) return false
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  if (typeof value === 'string') {
    const text = unwrap(value, 'bool').toLowerCase()
    if (text === 'true' || text === '1') return true
    if (text === 'false' || text === '0') return false
  }
  throw badOption(name, value, 'a bool')
}

export function textOption(options: RequestOptions, name: string): string | undefined {
  const value = options.get(name)
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw badOption(name, value, 'text')
  return /^(["']).*\1$/s.test(value) ? value.slice(1, -1) : value
}

function numberOption(options: RequestOptions, name: string): number | undefined {
  const value = options.get(name)
  if (value === undefined || value === null) return undefined
  const number = typeof value === 'string' ? Number(unwrap(value, 'long|int')) : value
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || value === '') {
    throw badOption(name, value, 'a whole number')
  }
  return number
}

function placementOption(options: RequestOptions): ErrorPlacement {
  const value = textOption(options, 'results_error_reporting_placement') ?? 'in_data'
  if (value === 'in_data' || value === 'end_of_table' || value === 'end_of_dataset') return value
  throw badOption('results_error_reporting_placement', value, 'in_data, end_of_table or end_of_dataset')
}

function unwrap(text: string, type: string): string {
  return new RegExp(`^(?:${type})\\((.*)\\)$`, 's').exec(text.trim())?.[1]?.trim() ?? text.trim()
}

/** `hh:mm:ss[.fffffff]`, `d.hh:mm:ss`, `50m`, `timespan(...)`, or a number of ticks. */
function parseTimespanMs(value: unknown): number | undefined {
  if (typeof value === 'number') return value / 10_000
  if (typeof value !== 'string') return undefined
  const text = unwrap(value, 'timespan|time')
  if (/^\d{5,}$/.test(text)) return Number(text) / 10_000
  const ticks = parseTimespan(text)
  return ticks === null ? undefined : Number(ticks) / 10_000
}

function badOption(name: string, value: unknown, expected: string): LocalError {
  return new LocalError(
    'BadRequest_InvalidRequestProperty',
    `request property '${name}' must be ${expected}, not ${JSON.stringify(value)}`,
  )
}
