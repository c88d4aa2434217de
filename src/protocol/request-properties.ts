import { KustoUsageError } from '../errors.ts'
import { formatTimespan, parseTimespan, TICKS_PER_MILLISECOND } from '../base/ticks.ts'
import type { KqlParameter } from '../kql/kql.ts'

/** A timespan option: milliseconds, or text as the service takes it (`1.02:03:04`). */
export type TimespanOption = number | string

/**
 * Request options under the service's own names. Names not listed here pass through as they are.
 * @see https://learn.microsoft.com/kusto/api/rest/request-properties
 */
export interface RequestOptions {
  /** How long the service may work: 1 second to 1 hour. The service's own default is 4 minutes for a query. */
  readonly servertimeout?: TimespanOption
  /** Takes the service's maximum, 1 hour, instead of `servertimeout`. */
  readonly norequesttimeout?: boolean
  readonly notruncation?: boolean
  readonly truncationmaxrecords?: number
  readonly truncationmaxsize?: number
  readonly query_take_max_records?: number
  readonly queryconsistency?:
    | 'strongconsistency'
    | 'weakconsistency'
    | 'weakconsistency_by_query'
    | 'weakconsistency_by_database'
    | 'weakconsistency_by_session_id'
  readonly query_weakconsistency_session_id?: string
  readonly deferpartialqueryfailures?: boolean
  readonly best_effort?: boolean
  readonly request_readonly?: boolean
  readonly request_readonly_hardline?: boolean
  readonly request_app_name?: string
  readonly request_user?: string
  readonly request_description?: string
  readonly request_block_row_level_security?: boolean
  readonly query_force_row_level_security?: boolean
  readonly request_callout_disabled?: boolean
  readonly request_external_table_disabled?: boolean
  readonly request_external_data_disabled?: boolean
  readonly request_remote_entities_disabled?: boolean
  readonly request_sandboxed_execution_disabled?: boolean
  readonly request_impersonation_disabled?: boolean
  readonly results_progressive_enabled?: boolean
  readonly results_v2_newlines_between_frames?: boolean
  readonly results_v2_fragment_primary_tables?: boolean
  readonly results_error_reporting_placement?: 'in_data' | 'end_of_table' | 'end_of_dataset'
  readonly query_results_progressive_row_count?: number
  readonly query_results_progressive_update_period?: number
  readonly query_results_cache_max_age?: TimespanOption
  readonly query_results_cache_per_shard?: boolean
  readonly query_results_cache_force_refresh?: boolean
  readonly query_language?: 'csl' | 'kql' | 'sql'
  readonly query_datascope?: 'default' | 'all' | 'hotcache'
  readonly query_datetimescope_column?: string
  readonly query_datetimescope_from?: string
  readonly query_datetimescope_to?: string
  readonly query_now?: string
  readonly query_cursor_after_default?: string
  readonly query_cursor_before_or_at_default?: string
  readonly query_cursor_current?: string
  readonly query_cursor_disabled?: boolean
  readonly query_cursor_scoped_tables?: readonly string[]
  readonly maxmemoryconsumptionperiterator?: number
  readonly max_memory_consumption_per_query_per_node?: number
  readonly maxoutputcolumns?: number
  readonly query_max_entities_in_union?: number
  readonly query_fanout_nodes_percent?: number
  readonly query_fanout_threads_percent?: number
  readonly query_distribution_nodes_span?: number
  readonly query_log_query_parameters?: boolean
  readonly validatepermissions?: boolean
  readonly perftrace?: boolean
  readonly materialized_view_shuffle_query?: unknown
  readonly push_selection_through_aggregation?: boolean
  readonly query_bin_auto_at?: string
  readonly query_bin_auto_size?: TimespanOption | undefined
  readonly query_optimize_fts_at_relop?: boolean
  readonly query_results_apply_getschema?: boolean
  readonly [option: string]: unknown
}

/** The `properties` of a request body. */
export interface RequestProperties {
  readonly Options: Readonly<Record<string, unknown>>
  readonly Parameters: Readonly<Record<string, string>>
}

export const MIN_SERVER_TIMEOUT_MS: number = 1_000
export const MAX_SERVER_TIMEOUT_MS: number = 3_600_000

const TIMESPAN_OPTIONS: readonly string[] = ['servertimeout', 'query_results_cache_max_age', 'query_bin_auto_size']

/**
 * The wire form of options and query parameters. An undefined option is left out.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION for a server timeout outside of 1 second to 1 hour, or no timespan
 */
export function formatRequestProperties(
  options: RequestOptions,
  parameters: ReadonlyMap<string, KqlParameter> = new Map(),
): RequestProperties {
  checkServerTimeout(options)
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return {
    Options: Object.fromEntries(given.map(([name, value]) => [name, optionValue(name, value)])),
    Parameters: Object.fromEntries([...parameters].map(([name, parameter]) => [name, parameter.literal])),
  }
}

/** How long the service may work on the request, in milliseconds; undefined when the options leave it to the service. */
export function serverTimeoutMs(options: RequestOptions): number | undefined {
  if (options.norequesttimeout === true) return MAX_SERVER_TIMEOUT_MS
  return options.servertimeout === undefined ? undefined : milliseconds(options.servertimeout)
}

/** A timespan as options carry it, days included: 25 hours are `1.01:00:00`. */
export function formatTimespanMs(ms: number): string {
  return formatTimespan((BigInt(Math.round(ms * 1_000)) * TICKS_PER_MILLISECOND) / 1_000n)
}

function optionValue(name: string, value: unknown): unknown {
  if (typeof value === 'number' && TIMESPAN_OPTIONS.includes(name)) return formatTimespanMs(value)
  return typeof value === 'bigint' ? Number(value) : value
}

function checkServerTimeout(options: RequestOptions): void {
  if (options.servertimeout === undefined) return
  const ms = milliseconds(options.servertimeout)
  if (ms < MIN_SERVER_TIMEOUT_MS || ms > MAX_SERVER_TIMEOUT_MS) {
    throw badTimeout(`${ms} ms`)
  }
}

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
])

/** A number of milliseconds; text is `[d.]hh:mm:ss[.fffffff]` or a literal such as `50m`. */
function milliseconds(value: TimespanOption): number {
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value
    throw badTimeout(String(value))
  }
  const literal = /^(\d+(?:\.\d+)?)(d|h|ms|m|s)$/.exec(value)
  const unitMs = UNIT_MS.get(literal?.[2] ?? '')
  if (literal !== null && unitMs !== undefined) return Number(literal[1]) * unitMs
  try {
    return Number(parseTimespan(value)) / Number(TICKS_PER_MILLISECOND)
  } catch (cause) {
    throw badTimeout(JSON.stringify(value.slice(0, 40)), cause)
  }
}

function badTimeout(found: string, cause?: unknown): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_OPTION', `expected servertimeout from 1 second to 1 hour, found ${found}`, {
    cause,
  })
}
