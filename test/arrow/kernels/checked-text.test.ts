import {
  type Data,
  Dictionary,
  Int16,
  LargeUtf8,
  type RecordBatch,
  Utf8,
  Utf8View,
  vectorFromArray,
} from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { encodeCsv } from '../../../src/arrow/encode-csv.ts'
import { encodeJson } from '../../../src/arrow/encode-json.ts'
import { encodeParquet } from '../../../src/arrow/parquet-encode.ts'
import { parquetVerdict } from '../../../src/arrow/parquet-columns.ts'
import type { ScalarName } from '../../../src/arrow/scalar-types.ts'
import { oneColumn, spans, views } from '../any-columns.ts'

const GUID = '74be27de-1e4e-49d9-b579-fe0b331d3642'

/** Text that each type takes, and text that the service would make null of, with the error. */
const CASES: Readonly<Partial<Record<ScalarName, { good: readonly string[]; bad: Readonly<Record<string, string>> }>>> =
  {
    bool: { good: ['true', 'False', 'TRUE'], bad: { yes: 'KUSTO_ROW_VALUE', '': 'KUSTO_ROW_VALUE' } },
    int: {
      good: ['0', '-2147483648', '+7'],
      bad: { '2147483648': 'KUSTO_INTEGER_RANGE', '1.5': 'KUSTO_ROW_VALUE', '': 'KUSTO_ROW_VALUE' },
    },
    long: {
      good: ['9223372036854775807', '-9223372036854775808'],
      bad: { '9223372036854775808': 'KUSTO_INTEGER_RANGE', '0x10': 'KUSTO_ROW_VALUE', ' 1': 'KUSTO_ROW_VALUE' },
    },
    real: {
      good: ['1.5', '-1e-7', 'NaN', '-Infinity'],
      bad: { inf: 'KUSTO_ROW_VALUE', '1e999': 'KUSTO_ROW_VALUE', x: 'KUSTO_ROW_VALUE', '٣': 'KUSTO_ROW_VALUE' },
    },
    decimal: {
      good: ['1234567890123456789012345678901234', '0.10', '-1e5'],
      bad: { '12345678901234567890123456789012345': 'KUSTO_DECIMAL_DIGITS', NaN: 'KUSTO_ROW_VALUE' },
    },
    datetime: {
      good: ['2026-07-01', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.9999999Z', '2026-07-01 08:00+02:00'],
      bad: { '31/12/2026': 'KUSTO_BAD_DATETIME', '2026-02-30': 'KUSTO_BAD_DATETIME', '': 'KUSTO_BAD_DATETIME' },
    },
    timespan: {
      good: ['-1.02:03:04.0000005', '00:00:00'],
      bad: { '25:00:00': 'KUSTO_BAD_TIMESPAN', '1d': 'KUSTO_BAD_TIMESPAN' },
    },
    guid: {
      good: [GUID, GUID.toUpperCase(), GUID.replaceAll('-', '')],
      bad: {
        [GUID.replace('7', 'g')]: 'KUSTO_BAD_GUID',
        [GUID.replace('27de-', '27d-e')]: 'KUSTO_BAD_GUID',
        [`{${GUID}}`]: 'KUSTO_BAD_GUID',
        '': 'KUSTO_BAD_GUID',
      },
    },
  }

const LAYOUTS: Readonly<Record<string, (values: readonly (string | null)[]) => Data>> = {
  Utf8: spans(new Utf8()),
  LargeUtf8: spans(new LargeUtf8(), true),
  Utf8View: views(new Utf8View()),
  Dictionary: (values) => vectorFromArray([...values], new Dictionary(new Utf8(), new Int16())).data[0]!,
}

const ENCODERS: Readonly<Record<string, (batch: RecordBatch) => Promise<unknown>>> = {
  csv: async (batch) => encodeCsv(batch, { rowOffset: 100 }),
  json: async (batch) => encodeJson(batch, { rowOffset: 100 }),
  parquet: (batch) => encodeParquet(batch.schema, [batch], { rowOffset: 100 }),
}

describe.each(Object.entries(CASES))('text marked %s', (type, { good, bad }) => {
  const { fields } = oneColumn(spans(new Utf8())([])).schema
  const isForParquet = parquetVerdict([{ name: 'c', type: type as ScalarName }], fields).ok
  const encoders = Object.entries(ENCODERS).filter(([name]) => name !== 'parquet' || isForParquet)

  it.each(Object.entries(LAYOUTS))('is written as it is, %s', async (_name, build) => {
    const batch = oneColumn(build([null, ...good, null]), { 'kusto:type': type }).slice(1)
    expect(Buffer.from(encodeCsv(batch).bytes).toString()).toBe(`${good.join('\n')}\n""\n`)
    for (const [, encode] of encoders) await encode(batch)
  })

  it.each(Object.entries(LAYOUTS))('is refused where the service would make it null, %s', async (_name, build) => {
    for (const [text, code] of Object.entries(bad)) {
      const batch = oneColumn(build([text, null, good[0]!, text, good[0]!]), { 'kusto:type': type }).slice(1)
      for (const [name, encode] of encoders) {
        const error: unknown = await encode(batch).catch((reason: unknown) => reason)
        expect(error, `${name} of ${text}`).toMatchObject({ code, column: 'c', row: 102 })
        if (text.length > 3) expect(String(error)).not.toContain(text)
      }
    }
  })
})
