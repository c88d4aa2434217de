import { castTo, dynamicOf } from './casts.ts'
import { argument, constantText, dynamic, long, named, real, text, textCall, type Entry } from './emit.ts'
import { captureGroups } from './regex-groups.ts'
import { bind, notSupported, quoteText, type ScalarFunction, type Sql } from './sql.ts'

const concat: ScalarFunction = (args) => `(${args.map((_, index) => text(args, index)).join(' || ')})`

const concatDelimited: ScalarFunction = (args) => {
  const delimiter = text(args, 0)
  return `(${args
    .slice(1)
    .map((arg) => castTo(arg, 'string'))
    .join(` || ${delimiter} || `)})`
}

// A negative start counts from the end, and stops at the beginning.
const substring: ScalarFunction = (args) =>
  bind(text(args, 0), (s) => {
    const start = bind(
      long(args, 1),
      (n) => `CASE WHEN ${n} < 0 THEN greatest(length(${s}) + ${n}, 0) ELSE ${n} END + 1`,
    )
    return args.length > 2
      ? `coalesce(substr(${s}, ${start}, greatest(${long(args, 2)}, 0)), '')`
      : `coalesce(substr(${s}, ${start}), '')`
  })

const indexOf: ScalarFunction = (args) => {
  if (args.length === 2) return `CAST(strpos(${text(args, 0)}, ${text(args, 1)}) - 1 AS BIGINT)`
  const rest = [2, 3, 4].map((index) => (args.length > index ? long(args, index) : ['0', '-1', '1'][index - 2]))
  return `k_indexof(${text(args, 0)}, ${text(args, 1)}, ${rest.join(', ')})`
}

/**
 * Position of the n-th match: the text between matches and the matches before it, measured. DuckDB's own regular
 * expressions do the matching, because JavaScript's are another language.
 */
const indexOfRegex: ScalarFunction = (args) => {
  const pattern = constantText(args, 1, 'a regular expression of indexof_regex')
  const start = args.length > 2 ? long(args, 2) : '0::BIGINT'
  const count = args.length > 3 ? long(args, 3) : '(-1)::BIGINT'
  const occurrence = args.length > 4 ? long(args, 4) : '1::BIGINT'
  return bind(text(args, 0), (s) => {
    const range = `CASE WHEN ${count} < 0 THEN substr(${s}, ${start} + 1) ELSE substr(${s}, ${start} + 1, ${count}) END`
    const found = bind(range, (r) => {
      const matches = `regexp_extract_all(${r}, ${quoteText(`(?:${pattern})`)})`
      const between = `regexp_split_to_array(${r}, ${quoteText(`(?:${pattern})`)})`
      return (
        `CASE WHEN len(${matches}) < ${occurrence} THEN -1` +
        ` ELSE ${start} + ${lengthOf(between, occurrence)} + ${lengthOf(matches, `${occurrence} - 1`)} END`
      )
    })
    return `CASE WHEN ${start} < 0 OR ${count} < -1 OR ${occurrence} < 1 THEN NULL ELSE CAST(${found} AS BIGINT) END`
  })
}

/** Characters in the first texts of a list. */
function lengthOf(list: string, count: string): string {
  return `coalesce(length(array_to_string(list_slice(${list}, 1, ${count}), '')), 0)`
}

const extract: ScalarFunction = (args, call) => {
  const pattern = argument(args, 0)
  const group = argument(args, 1).constant
  if (group === undefined || group === null) throw notSupported('a capture group of extract that is not a literal')
  if (typeof pattern.constant === 'string' && Number(group) > captureGroups(pattern.constant).length)
    return castTo({ sql: "''", type: 'string' }, call.resultType)
  return castTo(
    { sql: `regexp_extract(${text(args, 2)}, ${text(args, 0)}, ${Number(group)})`, type: 'string' },
    call.resultType,
  )
}

const extractAll: ScalarFunction = (args) => {
  const pattern = constantText(args, 0, 'a regular expression of extract_all')
  const source = text(args, args.length - 1)
  const names = captureGroups(pattern)
  if (names.length === 0) throw notSupported('extract_all with a regular expression that captures nothing')
  const groups = args.length > 2 ? chosenGroups(argument(args, 1), names) : names.map((_, index) => index + 1)
  const lists = groups.map((group) => `regexp_extract_all(${source}, ${quoteText(pattern)}, ${group})`)
  const rows =
    lists.length === 1
      ? (lists[0] ?? '')
      : `list_transform(list_zip(${lists.join(', ')}), lambda m: [${lists.map((_, index) => `m[${index + 1}]`).join(', ')}])`
  return bind(rows, (list) => `CASE WHEN len(${list}) > 0 THEN to_json(${list})::VARCHAR END`)
}

function chosenGroups(choice: Sql, names: readonly (string | undefined)[]): readonly number[] {
  const wanted: unknown = typeof choice.constant === 'string' ? JSON.parse(choice.constant) : undefined
  if (!Array.isArray(wanted)) throw notSupported('capture groups of extract_all that are not a literal array')
  return wanted.map((item: unknown) => {
    const group = typeof item === 'number' ? item : names.indexOf(String(item)) + 1
    if (group < 1 || group > names.length) throw notSupported(`the capture group ${String(item)} of extract_all`)
    return group
  })
}

const replaceRegex: ScalarFunction = (args) =>
  `regexp_replace(${text(args, 0)}, ${text(args, 1)}, ${text(args, 2)}, 'g')`

const split: ScalarFunction = (args) => {
  const source = text(args, 0)
  const delimiter = text(args, 1)
  if (argument(args, 1).constant === '') throw notSupported('split by an empty delimiter')
  const parts = `string_split(${source}, ${delimiter})`
  if (args.length < 3) return `to_json(${parts})::VARCHAR`
  return bind(parts, (list) =>
    bind(
      long(args, 2),
      (n) => `CASE WHEN ${n} >= 0 AND ${n} < len(${list}) THEN to_json([${list}[${n} + 1]])::VARCHAR END`,
    ),
  )
}

function trim(ends: 'both' | 'start' | 'end'): ScalarFunction {
  return (args) => {
    const pattern = text(args, 0)
    const start = (s: string): string => `regexp_replace(${s}, '^(?:' || ${pattern} || ')+', '')`
    const end = (s: string): string => `regexp_replace(${s}, '(?:' || ${pattern} || ')+$', '')`
    const source = text(args, 1)
    if (ends === 'start') return start(source)
    return ends === 'end' ? end(source) : end(start(source))
  }
}

const compare: ScalarFunction = (args) =>
  bind(text(args, 0), (a) =>
    bind(text(args, 1), (b) => `CAST(CASE WHEN ${a} < ${b} THEN -1 WHEN ${a} > ${b} THEN 1 ELSE 0 END AS BIGINT)`),
  )

const repeatText: ScalarFunction = (args) => {
  const delimiter = args.length > 2 ? text(args, 2) : "''"
  return bind(text(args, 0), (s) =>
    bind(
      long(args, 1),
      (n) =>
        `CASE WHEN ${n} > 1024 OR ${n} < 0 THEN error('strrep: the multiplier must be between 0 and 1024') WHEN ${n} = 0 THEN '' ELSE ${s} || repeat(${delimiter} || ${s}, ${n} - 1) END`,
    ),
  )
}

const countOf: ScalarFunction = (args) => {
  const kind = args.length > 2 ? constantText(args, 2, 'a kind of countof') : 'normal'
  if (kind === 'regex') return `CAST(len(regexp_extract_all(${text(args, 0)}, ${text(args, 1)})) AS BIGINT)`
  if (kind !== 'normal') throw notSupported(`the kind ${kind} of countof`)
  return `k_countof(${text(args, 0)}, ${text(args, 1)})`
}

const toHex: ScalarFunction = (args) => {
  const value = argument(args, 0)
  const digits = args.length > 1 ? long(args, 1) : '0'
  // A negative int has 32 bits, everything else 64.
  const bits =
    value.type === 'int'
      ? bind(value.sql, (x) => `(CASE WHEN ${x} < 0 THEN ${x}::HUGEINT + 4294967296 ELSE ${x}::HUGEINT END)::BIGINT`)
      : long(args, 0)
  return bind(
    `lower(printf('%x', ${bits}))`,
    (hex) =>
      `coalesce(CASE WHEN length(${hex}) < ${digits} THEN lpad(${hex}, CAST(${digits} AS INTEGER), '0') ELSE ${hex} END, '')`,
  )
}

const extractJson: ScalarFunction = (args, call) => {
  const source = argument(args, 1)
  const json = source.type === 'dynamic' ? source.sql : castTo(source, 'string')
  return castTo({ sql: `k_json_path(${json}, ${text(args, 0)})`, type: 'dynamic' }, call.resultType)
}

const formatBytes: ScalarFunction = (args) =>
  textCall(
    'k_format_bytes',
    real(args, 0),
    args.length > 1 ? long(args, 1) : 'NULL::BIGINT',
    args.length > 2 ? text(args, 2) : "''",
  )

/** A user function of texts that yields text. */
function texts(udfName: string): ScalarFunction {
  return (args) => textCall(udfName, ...args.map((_, index) => text(args, index)))
}

/** A user function of one text that yields another type, null included. */
function ofText(udfName: string): ScalarFunction {
  return (args) => `${udfName}(${text(args, 0)})`
}

const commandLine: ScalarFunction = (args) => {
  const parser = constantText(args, 1, 'a parser type of parse_command_line')
  if (parser.toLowerCase() !== 'windows') throw notSupported(`the parser type ${parser} of parse_command_line`)
  return `k_parse_command_line(${text(args, 0)})`
}

export const STRING_FUNCTIONS: readonly Entry[] = [
  ['strcat', concat],
  ['strcat_delim', concatDelimited],
  ['array_strcat', (args) => textCall('k_strcat_array', dynamic(args, 0), text(args, 1))],
  ['strcat_array', (args) => textCall('k_strcat_array', dynamic(args, 0), text(args, 1))],
  ['strlen', (args) => `CAST(length(${text(args, 0)}) AS BIGINT)`],
  ['string_size', (args) => `CAST(strlen(${text(args, 0)}) AS BIGINT)`],
  ['substring', substring],
  ['indexof', indexOf],
  ['indexof_regex', indexOfRegex],
  ['extract', extract],
  ...named(['extract_all', 'extractall'], extractAll),
  ...named(['extract_json', 'extractjson'], extractJson),
  ['replace_string', (args) => `replace(${text(args, 0)}, ${text(args, 1)}, ${text(args, 2)})`],
  ['replace_strings', (args) => textCall('k_replace_strings', text(args, 0), dynamic(args, 1), dynamic(args, 2))],
  ...named(['replace_regex', 'replace'], (args, call) =>
    // The old `replace` takes the pattern first.
    replaceRegex(call.name === 'replace' ? [argument(args, 2), argument(args, 0), argument(args, 1)] : args, call),
  ),
  ['regex_quote', (args) => `regexp_escape(${text(args, 0)})`],
  ['reverse', (args) => textCall('k_reverse', text(args, 0))],
  ['split', split],
  ['trim', trim('both')],
  ['trim_start', trim('start')],
  ['trim_end', trim('end')],
  ['tolower', (args) => `lower(${text(args, 0)})`],
  ['toupper', (args) => `upper(${text(args, 0)})`],
  ['strcmp', compare],
  ['strrep', repeatText],
  ['countof', countOf],
  ['tohex', toHex],
  ['translate', texts('k_translate')],
  ['has_any_index', (args) => `k_has_any_index(${text(args, 0)}, ${dynamicOf(argument(args, 1))})`],
  ['isascii', (args) => `regexp_full_match(${text(args, 0)}, '[\\x00-\\x7F]*')`],
  ['isutf8', (args) => bind(text(args, 0), (s) => `(${s} IS NOT NULL)`)],
  ['format_bytes', formatBytes],
  ['parse_csv', ofText('k_parse_csv')],
  ...named(['parse_url', 'parseurl'], ofText('k_parse_url')),
  ...named(['parse_urlquery', 'parseurlquery'], ofText('k_parse_urlquery')),
  ['parse_path', ofText('k_parse_path')],
  ['parse_xml', ofText('k_parse_xml')],
  // 32 digits before the point are more than other decimals have here, so these are decimals of another scale.
  ['parse_version', (args) => `k_parse_version(${text(args, 0)})::DECIMAL(38,0)`],
  ['parse_command_line', commandLine],
  ['url_encode', texts('k_url_encode')],
  ['url_encode_component', texts('k_url_encode_component')],
  ['url_decode', texts('k_url_decode')],
  ...named(['base64_encode_tostring', 'base64_encodestring'], (args) => `to_base64(encode(${text(args, 0)}))`),
  ...named(['base64_decode_tostring', 'base64_decodestring'], texts('k_base64_text')),
  ['base64_decode_toarray', ofText('k_base64_array')],
  ['base64_encode_fromarray', (args) => textCall('k_base64_from_array', dynamic(args, 0))],
  ['base64_encode_fromguid', (args) => textCall('k_base64_from_guid', text(args, 0))],
  [
    'base64_decode_toguid',
    () => {
      throw notSupported('base64_decode_toguid', 'its documented result is not the inverse of base64_encode_fromguid')
    },
  ],
  ['punycode_from_string', texts('k_punycode_encode')],
  ['punycode_to_string', texts('k_punycode_decode')],
  ['punycode_domain_from_string', texts('k_domain_from_punycode')],
  ['punycode_domain_to_string', texts('k_domain_from_punycode')],
  ...named(['unicode_codepoints_from_string', 'to_utf8'], ofText('k_codepoints')),
  ...named(['unicode_codepoints_to_string', 'make_string'], (args) =>
    textCall('k_from_codepoints', ...args.map((arg) => dynamicOf(arg))),
  ),
  ['gzip_compress_to_base64_string', texts('k_gzip_compress')],
  ['gzip_decompress_from_base64_string', texts('k_gzip_decompress')],
  ['zlib_compress_to_base64_string', texts('k_zlib_compress')],
  ['zlib_decompress_from_base64_string', texts('k_zlib_decompress')],
]
