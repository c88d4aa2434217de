import { castTo, dynamicOf } from './casts.ts'
import { argument, long, text, textCall, type Entry } from './emit.ts'
import type { ScalarFunction, Sql } from './sql.ts'

function prefix(args: readonly Sql[], index: number, bits: number): string {
  return args.length > index ? long(args, index) : `${bits}::BIGINT`
}

function comparison(udfName: string, bits: number): ScalarFunction {
  return (args) => `${udfName}(${text(args, 0)}, ${text(args, 1)}, ${prefix(args, 2, bits)})`
}

function match(udfName: string, bits: number): ScalarFunction {
  return (args, call) => `(${comparison(udfName, bits)(args, call)} = 0)`
}

/** The first argument as text, the others as JSON, so that a dynamic array of ranges works like a list of arguments. */
function inAny(udfName: string): ScalarFunction {
  return (args) => `${udfName}(${[text(args, 0), ...args.slice(1).map((arg) => dynamicOf(arg))].join(', ')})`
}

function formatted(withMask: boolean): ScalarFunction {
  return (args) => textCall('k_format_ipv4', castTo(argument(args, 0), 'string'), prefix(args, 1, 32), String(withMask))
}

export const IP_FUNCTIONS: readonly Entry[] = [
  ['parse_ipv4', (args) => `k_parse_ipv4(${text(args, 0)}, 32::BIGINT)`],
  ['parse_ipv4_mask', (args) => `k_parse_ipv4(${text(args, 0)}, ${long(args, 1)})`],
  ['ipv4_compare', comparison('k_ipv4_compare', 32)],
  ['ipv4_is_match', match('k_ipv4_compare', 32)],
  ['ipv4_is_in_range', inAny('k_ipv4_in_any')],
  ['ipv4_is_in_any_range', inAny('k_ipv4_in_any')],
  ['ipv4_is_private', (args) => `k_ipv4_private(${text(args, 0)})`],
  ['ipv4_netmask_suffix', (args) => `k_ipv4_suffix(${text(args, 0)})`],
  ['ipv4_range_to_cidr_list', (args) => `k_ipv4_cidrs(${text(args, 0)}, ${text(args, 1)})`],
  ['format_ipv4', formatted(false)],
  ['format_ipv4_mask', formatted(true)],
  ['has_ipv4', inAny('k_has_ipv4')],
  ['has_any_ipv4', inAny('k_has_ipv4')],
  ['has_ipv4_prefix', inAny('k_has_ipv4_prefix')],
  ['has_any_ipv4_prefix', inAny('k_has_ipv4_prefix')],
  ['ipv6_compare', comparison('k_ipv6_compare', 128)],
  ['ipv6_is_match', match('k_ipv6_compare', 128)],
  ['ipv6_is_in_range', inAny('k_ipv6_in_any')],
  ['ipv6_is_in_any_range', inAny('k_ipv6_in_any')],
  ['parse_ipv6', (args) => textCall('k_parse_ipv6', text(args, 0), '128::BIGINT')],
  ['parse_ipv6_mask', (args) => textCall('k_parse_ipv6', text(args, 0), long(args, 1))],
]
