import { canonicalJson, formatJson, parseJson } from './json.ts'
import { parseDatetime, parseDynamic, parseTimespan } from './types.ts'
import { udf, type Udf } from './udf-definition.ts'

/** The functions that conversions and comparisons need. */
export const CORE_UDFS: readonly Udf[] = [
  udf('k_parse_datetime', ['text'], 'long', parseDatetime),
  udf('k_parse_timespan', ['text'], 'long', parseTimespan),
  udf('k_parse_json', ['text'], 'text', parseDynamic),
  udf('k_json_compact', ['text'], 'text', (text) => {
    const value = parseJson(text)
    return value === undefined || value === null ? null : formatJson(value)
  }),
  udf('k_json_canonical', ['text'], 'text', (text) => {
    const value = parseJson(text)
    return value === undefined || value === null ? null : canonicalJson(value)
  }),
]
