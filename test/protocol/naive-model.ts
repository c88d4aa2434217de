import fc from 'fast-check'
import type { ScalarName } from '../../src/arrow/scalar-types.ts'

/**
 * An independent, slow reading of responses: values are generated together with the JSON that carries them and the plain
 * form (fixtures/README.md) that must come out, so that no code under test takes part in the expectation.
 */
export interface Cell {
  readonly json: string
  readonly plain: unknown
}

export interface ModelTable {
  readonly columns: readonly (readonly [string, ScalarName])[]
  readonly rows: readonly (readonly Cell[])[]
}

const nullCell: Cell = { json: 'null', plain: null }

function nullable(cell: fc.Arbitrary<Cell>): fc.Arbitrary<Cell> {
  return fc.oneof({ weight: 6, arbitrary: cell }, { weight: 1, arbitrary: fc.constant(nullCell) })
}

/** JSON of a string with every character either raw or escaped, by choice of `mask`. */
function stringJson(text: string, mask: number): string {
  const units = Array.from(text, (char, index) => {
    const mustEscape = char === '"' || char === '\\' || char < ' '
    if (!mustEscape && ((mask >> (index % 30)) & 1) === 0) return char
    return Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
      '',
    )
  })
  return `"${units.join('')}"`
}

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 40 }))

const two = (value: number | bigint): string => String(value).padStart(2, '0')

const datetime = fc
  .tuple(
    fc.oneof(
      fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }),
      fc.integer({ min: 1_700_000_000, max: 1_700_100_000 }),
    ),
    fc.integer({ min: 0, max: 9_999_999 }),
    fc.integer({ min: 0, max: 7 }),
  )
  .map(([seconds, ticks, digits]): Cell => {
    const clock = new Date(seconds * 1000).toISOString().slice(0, 19)
    const fraction = String(ticks).padStart(7, '0').slice(0, digits)
    return {
      json: `"${clock}${digits === 0 ? '' : `.${fraction}`}Z"`,
      plain: `${clock}.${fraction.padEnd(6, '0').slice(0, 6)}Z`,
    }
  })

const timespan = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((ticks): Cell => {
  const size = ticks < 0n ? -ticks : ticks
  const seconds = size / 10_000_000n
  const days = seconds / 86_400n
  const clock = `${two((seconds / 3600n) % 24n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`
  const fraction = size % 10_000_000n
  const json = `"${ticks < 0n ? '-' : ''}${days > 0n ? `${days}.` : ''}${clock}${
    fraction > 0n ? `.${String(fraction).padStart(7, '0')}` : ''
  }"`
  return { json, plain: String(ticks / 10n) }
})

const decimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }), fc.integer({ min: 0, max: 18 }))
  .map(([value, dropped]): Cell => {
    // Keep only so many digits after the point as are written.
    const unit = 10n ** BigInt(dropped)
    const scaled = (value / unit) * unit
    const digits = String(scaled < 0n ? -scaled : scaled).padStart(19, '0')
    const plain = `${scaled < 0n ? '-' : ''}${digits.slice(0, -18)}.${digits.slice(-18)}`
    const json = dropped === 18 ? plain.slice(0, -19) : plain.slice(0, plain.length - dropped)
    return { json: `"${json}"`, plain }
  })

const real = fc
  .oneof(
    fc.double(),
    fc.double({ min: -1e6, max: 1e6 }),
    fc
      .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: 0, max: 25 }))
      .map(([digits, scale]) => {
        const padded = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0')
        const sign = digits < 0n ? '-' : ''
        return scale === 0 ? `${sign}${padded}` : `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
      }),
  )
  .map((value): Cell => {
    const number = Number(value)
    const plain = Object.is(number, -0) ? '-0' : Number.isFinite(number) ? number : String(number)
    if (!Number.isFinite(number)) return { json: `"${number}"`, plain }
    return { json: typeof value === 'string' ? value : Object.is(value, -0) ? '-0' : String(value), plain }
  })

/** One arbitrary cell of each scalar type, with Arrow types by default settings. */
export const CELLS: Readonly<Record<ScalarName, fc.Arbitrary<Cell>>> = {
  bool: nullable(fc.boolean().map((value) => ({ json: String(value), plain: value }))),
  int: nullable(fc.integer().map((value) => ({ json: String(value), plain: value }))),
  long: nullable(
    fc
      .oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }))
      .map((value) => ({ json: String(value), plain: String(value) })),
  ),
  real: nullable(real),
  decimal: nullable(decimal),
  string: fc
    .tuple(text, fc.nat())
    // A lone half of a surrogate pair cannot be in UTF-8; fixtures cover the escaped one.
    .filter(([value]) => !/\p{Surrogate}/u.test(value))
    .map(([value, mask]) => ({ json: stringJson(value, mask), plain: value })),
  datetime: nullable(datetime),
  timespan: nullable(timespan),
  guid: nullable(fc.uuid().map((value) => ({ json: `"${value}"`, plain: value }))),
  dynamic: nullable(
    fc
      .tuple(fc.jsonValue({ depthSize: 'small' }), fc.integer({ min: 0, max: 2 }))
      .filter(([value]) => typeof value !== 'string' && value !== null && isWellFormed(value))
      .map(([value, indent]) => {
        const json = JSON.stringify(value, undefined, indent)
        return { json, plain: json }
      }),
  ),
}

/** JSON.stringify escapes the halves of surrogate pairs that stand alone; a service would not send them. */
function isWellFormed(value: unknown): boolean {
  return !/\\ud[89a-f]/i.test(JSON.stringify(value))
}

/** An arbitrary table of up to eight columns of any types. */
export const TABLE: fc.Arbitrary<ModelTable> = fc
  .array(fc.constantFrom(...(Object.keys(CELLS) as ScalarName[])), { minLength: 1, maxLength: 8 })
  .chain((types) =>
    fc.record({
      columns: fc.constant(types.map((type, index) => [`c${index}`, type] as const)),
      rows: fc.array(fc.tuple(...types.map((type) => CELLS[type])), { maxLength: 12 }),
    }),
  )

/** JSON white space, mostly none. */
export const SPACE: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom(' ', '\n', '\r\n', '\t ') },
)

/** The rows as JSON, with `space` between all tokens. */
export function rowsJson(rows: ModelTable['rows'], space: string): string {
  const texts = rows.map((row) => `[${space}${row.map(({ json }) => json).join(`${space},${space}`)}${space}]`)
  return `[${space}${texts.join(`${space},${space}`)}${space}]`
}

export function columnsJson(table: ModelTable): string {
  return JSON.stringify(table.columns.map(([ColumnName, ColumnType]) => ({ ColumnName, ColumnType })))
}

/** A V2 body: the table whole, or its rows in fragments cut at `cuts`, with rows before a DataReplace thrown away. */
export function v2Body(
  table: ModelTable,
  shape: { readonly space: string; readonly fragments?: readonly number[]; readonly isReplaced?: boolean },
): string {
  const { space, fragments, isReplaced = false } = shape
  const head = `"TableId":1,"TableKind":"PrimaryResult","TableName":"PrimaryResult","Columns":${columnsJson(table)}`
  const frames = ['{"FrameType":"DataSetHeader","IsProgressive":false,"Version":"v2.0"}']
  if (fragments === undefined)
    frames.push(`{"FrameType":"DataTable",${head},"Rows":${space}${rowsJson(table.rows, space)}}`)
  else {
    const fragment = (type: string, rows: ModelTable['rows']): string =>
      `{"FrameType":"TableFragment","TableFragmentType":"${type}","TableId":1,"Rows":${rowsJson(rows, space)}}`
    frames.push(`{"FrameType":"TableHeader",${head}}`)
    if (isReplaced) frames.push(fragment('DataAppend', table.rows), fragment('DataReplace', []))
    let from = 0
    for (const to of [...fragments, table.rows.length].sort((a, b) => a - b)) {
      frames.push(fragment('DataAppend', table.rows.slice(from, to)))
      from = Math.max(from, Math.min(to, table.rows.length))
    }
    frames.push(`{"FrameType":"TableCompletion","TableId":1,"RowCount":${table.rows.length}}`)
  }
  frames.push('{"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}')
  return `[${space}${frames.join(`${space}\n,${space}`)}${space}]${space}`
}
