import { Kql, kql, KustoScalar, where } from '../index.ts'
import type { KustoConnector, KustoRead, ReadOptions } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { readFileText, readText } from './read-text.ts'
import { usageError } from './usage-error.ts'

/**
 * The text of the query: the operand, a file, or standard input.
 * @throws {KustoUsageError} CLI_USAGE when there is none or more than one
 */
export async function queryText(call: CliCall): Promise<string> {
  const { operands, flags } = call
  const [operand] = operands
  const file = flags.text('file')
  if (operand !== undefined && file !== undefined) throw usageError('give the query as a word or with --file, not both')
  const source = file ?? operand
  if (source === undefined) throw usageError('needs a query: a word, --file FILE, or - for standard input')
  const text = source === '-' ? await readText(call) : file === undefined ? source : await readFileText(file)
  if (text.trim() === '') throw usageError('the query is empty')
  return text.replace(/^\uFEFF/, '').trim()
}

/** The query with its parameters declared by `let`, so that it uses them by the caller's names. */
export function queryOf(text: string, parameters: readonly string[]): Kql {
  const query = /^[\p{L}_][\p{L}\p{N}_]*$/u.test(text) ? kql.raw(`['${text}']`) : kql.raw(text)
  return parameters
    .map(parseParameter)
    .reduceRight<Kql>((rest, { name, value }) => kql`let ${kql.raw(name)} = ${value}; ${rest}`, query)
}

/** The read that query and flags describe. */
export function openRead(
  kusto: KustoConnector,
  { call, text, options }: { readonly call: CliCall; readonly text: string; readonly options: ReadOptions },
): KustoRead {
  const { flags } = call
  let read = kusto.read(queryOf(text, flags.list('param')), options)
  for (const condition of flags.list('where')) read = read.where(where(kql.raw(condition)))
  const columns = flags.list('columns')
  if (columns.length > 0) read = read.select(...columns)
  const limit = flags.number('limit')
  return limit === undefined ? read : read.limit(limit)
}

const TYPES: ReadonlyMap<string, (text: string) => KustoScalar | undefined> = new Map([
  ['string', (text: string) => kql.string(text)],
  ['bool', (text: string) => (/^(true|false)$/.test(text) ? kql.bool(text === 'true') : undefined)],
  ['int', (text: string) => (/^-?\d+$/.test(text) ? kql.int(Number(text)) : undefined)],
  ['long', (text: string) => (/^-?\d+$/.test(text) ? kql.long(BigInt(text)) : undefined)],
  ['real', (text: string) => (text.trim() !== '' && !Number.isNaN(Number(text)) ? kql.real(Number(text)) : undefined)],
  ['decimal', (text: string) => kql.decimal(text)],
  ['datetime', (text: string) => datetimeOf(text)],
  ['timespan', (text: string) => timespanOf(text)],
  ['guid', (text: string) => kql.guid(text)],
  ['dynamic', (text: string) => dynamicOf(text)],
])

function parseParameter(text: string): { readonly name: string; readonly value: KustoScalar } {
  const [, name, type = 'string', value] = /^([\p{L}_][\p{L}\p{N}_]*)(?::(\w+))?=(.*)$/su.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw usageError(`expected --param to be NAME=VALUE or NAME:TYPE=VALUE, found ${text}`)
  const make = TYPES.get(type)
  if (make === undefined)
    throw usageError(`expected the type of --param ${name} to be one of ${[...TYPES.keys()].join(', ')}, found ${type}`)
  const scalar = make(value)
  if (scalar === undefined) throw usageError(`expected --param ${name} to be a ${type}, found ${value}`)
  return { name, value: scalar }
}

/** A time without a zone is UTC, as everywhere in Kusto; up to 7 digits of a second count. */
function datetimeOf(text: string): KustoScalar | undefined {
  const [, day, clock = '00:00', seconds = ':00', fraction = '', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d{1,7}))?(Z|[+-]\d\d:\d\d)?)?$/.exec(text) ?? []
  const ms = day === undefined ? Number.NaN : Date.parse(`${day}T${clock}${seconds}${zone}`)
  if (Number.isNaN(ms)) return undefined
  return kql.datetime(621_355_968_000_000_000n + BigInt(ms) * 10_000n + BigInt(fraction.padEnd(7, '0')))
}

function timespanOf(text: string): KustoScalar | undefined {
  const [, sign, days = '0', hours, minutes, seconds, fraction = ''] =
    /^(-)?(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?$/.exec(text) ?? []
  if (hours === undefined || minutes === undefined || seconds === undefined) return undefined
  const whole = BigInt(days) * 86_400n + BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(seconds)
  const ticks = whole * 10_000_000n + BigInt(fraction.padEnd(7, '0'))
  return kql.timespan(sign === undefined ? ticks : -ticks)
}

function dynamicOf(text: string): KustoScalar | undefined {
  try {
    return kql.dynamic(JSON.parse(text))
  } catch {
    return undefined
  }
}
