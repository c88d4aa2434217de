import { argument, long, text, textCall, type Entry } from './emit.ts'
import { bind, notSupported, type ScalarFunction, type Sql } from './sql.ts'

/** xxHash64 of a string's UTF-8 or of eight little-endian bytes: the encodings that Kusto's documentation confirms. */
function xxHash(value: Sql): string {
  if (value.type === 'string') return `k_hash_text(${value.sql})`
  if (['long', 'int', 'datetime', 'timespan'].includes(value.type)) return `k_hash_long((${value.sql})::BIGINT)`
  throw notSupported(`hash of ${value.type}`, 'the bytes that Kusto hashes for it are not documented')
}

const hash: ScalarFunction = (args) => {
  const value = xxHash(argument(args, 0))
  if (args.length < 2) return value
  return bind(value, (h) => bind(long(args, 1), (m) => `CASE WHEN ${m} > 0 THEN ((${h} % ${m}) + ${m}) % ${m} END`))
}

function undocumented(name: string): ScalarFunction {
  return () => {
    throw notSupported(name, 'its algorithm is not documented')
  }
}

export const HASH_FUNCTIONS: readonly Entry[] = [
  ['hash', hash],
  ['hash_xxhash64', hash],
  ['hash_md5', (args) => `md5(${text(args, 0)})`],
  ['hash_sha1', (args) => textCall('k_sha1', text(args, 0))],
  ['hash_sha256', (args) => `sha256(${text(args, 0)})`],
  ['hash_combine', undocumented('hash_combine')],
  ['hash_many', undocumented('hash_many')],
]
