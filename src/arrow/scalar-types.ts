import {
  Bool,
  type DataType,
  Decimal,
  Dictionary,
  Duration,
  Field,
  FixedSizeBinary,
  Float64,
  Int32,
  Int64,
  Schema,
  Timestamp,
  TimeUnit,
  Utf8,
} from 'apache-arrow'
import { KustoDataError, KustoUsageError } from '../errors.ts'

/** The ten scalar types of Kusto. */
export const SCALAR_NAMES = [
  'bool',
  'int',
  'long',
  'real',
  'decimal',
  'string',
  'datetime',
  'timespan',
  'guid',
  'dynamic',
] as const

/** One of {@link SCALAR_NAMES}. */
export type ScalarName = (typeof SCALAR_NAMES)[number]

/** A column of a Kusto table or result. */
export interface KustoColumn {
  readonly name: string
  readonly type: ScalarName
}

/** How a caller wants Kusto values that Arrow can carry in several ways. */
export interface TypeOptions {
  /** `decimal128` (default): Decimal128(38, 18), a value that does not fit is an error. `text`: Utf8 as sent. */
  readonly decimal?: 'decimal128' | 'text'
  /** `us` (default) and `ns`: Timestamp in UTC. `ticks`: Int64 of 100 ns since 0001-01-01, lossless. */
  readonly datetime?: 'us' | 'ns' | 'ticks'
  /** `us` (default) and `ns`: Duration. `ticks`: Int64 of 100 ns, lossless. */
  readonly timespan?: 'us' | 'ns' | 'ticks'
  /** `text` (default): Utf8, lower case with hyphens. `uuid`: FixedSizeBinary(16), big-endian, `arrow.uuid`. */
  readonly guid?: 'text' | 'uuid'
  /**
   * Names of string columns that become Dictionary<Utf8, Int32>, with one dictionary that grows over the batches of a
   * result and stays in memory: for columns of few distinct texts. `auto`: those that have few in a sample of the
   * rows, which whoever runs the query takes first; where no query is run it is refused. Default: none.
   */
  readonly dictionary?: readonly string[] | 'auto'
}

/** {@link TypeOptions} with every choice made. */
export type TypeSettings = Required<TypeOptions>

/** What is used for an option the caller left out. */
export const DEFAULT_TYPE_SETTINGS: TypeSettings = Object.freeze({
  decimal: 'decimal128',
  datetime: 'us',
  timespan: 'us',
  guid: 'text',
  dictionary: Object.freeze([]),
})

type Choice = Exclude<keyof TypeSettings, 'dictionary'>

const CHOICES: { readonly [K in Choice]: readonly TypeSettings[K][] } = {
  decimal: ['decimal128', 'text'],
  datetime: ['us', 'ns', 'ticks'],
  timespan: ['us', 'ns', 'ticks'],
  guid: ['text', 'uuid'],
}

/**
 * Fills in the defaults of {@link TypeOptions}.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION when a key or a value is not known.
 */
export function typeSettings(options: TypeOptions = {}): TypeSettings {
  const { dictionary = DEFAULT_TYPE_SETTINGS.dictionary, ...choices } = options
  if (dictionary !== 'auto' && !(Array.isArray(dictionary) && dictionary.every((name) => typeof name === 'string'))) {
    throw new KustoUsageError('KUSTO_BAD_OPTION', "expected dictionary to be column names or 'auto'")
  }
  for (const [key, value] of Object.entries(choices)) {
    const known: readonly string[] | undefined = Object.hasOwn(CHOICES, key) ? CHOICES[key as Choice] : undefined
    if (known === undefined) {
      const keys = [...Object.keys(CHOICES), 'dictionary'].join(', ')
      throw new KustoUsageError('KUSTO_BAD_OPTION', `expected one of ${keys}, found ${key}`)
    }
    if (value !== undefined && !known.includes(value)) {
      throw new KustoUsageError('KUSTO_BAD_OPTION', `expected ${key} to be one of ${known.join(', ')}, found ${value}`)
    }
  }
  return {
    decimal: options.decimal ?? DEFAULT_TYPE_SETTINGS.decimal,
    datetime: options.datetime ?? DEFAULT_TYPE_SETTINGS.datetime,
    timespan: options.timespan ?? DEFAULT_TYPE_SETTINGS.timespan,
    guid: options.guid ?? DEFAULT_TYPE_SETTINGS.guid,
    dictionary,
  }
}

/** What one scalar type is called and what it becomes in Arrow. */
export interface ScalarRule {
  /** The names Kusto uses in KQL, in schemas and on the wire; the first is the name in this package. */
  readonly names: readonly string[]
  /** .NET names found in `DataType` of V1 answers and in schema JSON, without `System.`. */
  readonly dotnetNames: readonly string[]
  readonly nullable: boolean
  readonly arrow: (settings: TypeSettings) => DataType
  /** `ARROW:extension:name` of the field. */
  readonly extension?: (settings: TypeSettings) => string | undefined
}

/** One rule per scalar type. */
export const SCALARS: Readonly<Record<ScalarName, ScalarRule>> = Object.freeze({
  bool: { names: ['bool', 'boolean'], dotnetNames: ['Boolean', 'SByte'], nullable: true, arrow: () => new Bool() },
  int: { names: ['int', 'int32'], dotnetNames: ['Int32'], nullable: true, arrow: () => new Int32() },
  long: { names: ['long', 'int64'], dotnetNames: ['Int64'], nullable: true, arrow: () => new Int64() },
  real: { names: ['real', 'double'], dotnetNames: ['Double'], nullable: true, arrow: () => new Float64() },
  decimal: {
    names: ['decimal'],
    dotnetNames: ['SqlDecimal', 'Data.SqlTypes.SqlDecimal', 'Decimal'],
    nullable: true,
    arrow: (settings) => (settings.decimal === 'text' ? new Utf8() : new Decimal(18, 38, 128)),
  },
  // A Kusto string has no null.
  string: { names: ['string'], dotnetNames: ['String'], nullable: false, arrow: () => new Utf8() },
  datetime: {
    names: ['datetime', 'date'],
    dotnetNames: ['DateTime'],
    nullable: true,
    arrow: ({ datetime }) => (datetime === 'ticks' ? new Int64() : new Timestamp(unitOf(datetime), 'UTC')),
  },
  timespan: {
    names: ['timespan', 'time'],
    dotnetNames: ['TimeSpan'],
    nullable: true,
    arrow: ({ timespan }) => (timespan === 'ticks' ? new Int64() : new Duration(unitOf(timespan))),
  },
  guid: {
    names: ['guid', 'uuid', 'uniqueid'],
    dotnetNames: ['Guid'],
    nullable: true,
    arrow: (settings) => (settings.guid === 'uuid' ? new FixedSizeBinary(16) : new Utf8()),
    extension: (settings) => (settings.guid === 'uuid' ? 'arrow.uuid' : undefined),
  },
  dynamic: {
    names: ['dynamic'],
    dotnetNames: ['Object'],
    nullable: true,
    arrow: () => new Utf8(),
    extension: () => 'arrow.json',
  },
})

const SCALAR_BY_NAME: ReadonlyMap<string, ScalarName> = new Map(
  SCALAR_NAMES.flatMap((scalar) => {
    const { names, dotnetNames } = SCALARS[scalar]
    const all = [...names, ...dotnetNames, ...dotnetNames.map((name) => `system.${name}`)]
    return all.map((name): [string, ScalarName] => [name.toLowerCase(), scalar])
  }),
)

/** The scalar type a Kusto or .NET type name stands for, whatever its case; undefined for any other text. */
export function scalarNameOf(text: string): ScalarName | undefined {
  return SCALAR_BY_NAME.get(text.trim().toLowerCase())
}

/**
 * The scalar type a Kusto or .NET type name stands for: `long`, `Int64`, `System.Int64`.
 * @throws {KustoDataError} KUSTO_UNKNOWN_TYPE when the text names no scalar type.
 */
export function parseScalarName(text: string): ScalarName {
  const scalar = scalarNameOf(text)
  if (scalar === undefined) {
    throw new KustoDataError('KUSTO_UNKNOWN_TYPE', `expected a Kusto scalar type, found ${JSON.stringify(text)}`, {
      type: text,
    })
  }
  return scalar
}

/** Field metadata key that keeps a column's Kusto type, so that a table read can be written back. */
export const KUSTO_TYPE_KEY = 'kusto:type'

/** The Arrow field of a column; its metadata has {@link KUSTO_TYPE_KEY} and the extension name, if any. */
export function arrowField(column: KustoColumn, settings: TypeSettings = DEFAULT_TYPE_SETTINGS): Field {
  const rule = SCALARS[column.type]
  const metadata = new Map<string, string>([[KUSTO_TYPE_KEY, column.type]])
  const extension = rule.extension?.(settings)
  if (extension !== undefined) {
    metadata.set('ARROW:extension:name', extension)
    metadata.set('ARROW:extension:metadata', '')
  }
  return new Field(column.name, rule.arrow(settings), rule.nullable, metadata)
}

/**
 * The Arrow schema of a table. Column names are kept as they are, duplicates included. The id of a dictionary is the
 * position of its column, so that equal columns make equal schemas.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION when a name in `settings.dictionary` is that of no string column, or when
 * it is still `auto`.
 */
export function arrowSchema(columns: readonly KustoColumn[], settings: TypeSettings = DEFAULT_TYPE_SETTINGS): Schema {
  const { dictionary } = settings
  if (dictionary === 'auto') {
    throw new KustoUsageError('KUSTO_BAD_OPTION', "expected dictionary columns by name, found 'auto' without a sample")
  }
  const missing = dictionary.find((name) => !columns.some((column) => column.name === name && column.type === 'string'))
  if (missing !== undefined) {
    const name = JSON.stringify(missing)
    throw new KustoUsageError('KUSTO_BAD_OPTION', `expected string columns in dictionary, found ${name}, which is none`)
  }
  const fields = columns.map((column, index) => {
    const field = arrowField(column, settings)
    const isEncoded = column.type === 'string' && dictionary.includes(column.name)
    return isEncoded ? field.clone({ type: new Dictionary(new Utf8(), new Int32(), index) }) : field
  })
  return new Schema(fields)
}

function unitOf(unit: 'us' | 'ns'): TimeUnit.MICROSECOND | TimeUnit.NANOSECOND {
  return unit === 'us' ? TimeUnit.MICROSECOND : TimeUnit.NANOSECOND
}
