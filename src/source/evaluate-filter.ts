import type { RecordBatch } from 'apache-arrow'
import { columnAt } from '../arrow/take-rows.ts'
import type { KustoColumn, ScalarName } from '../arrow/scalar-types.ts'
import { KustoUsageError } from '../errors.ts'
import type { CompareOperator, FilterNode, TextOperator } from '../kql/filter-node.ts'
import type { KustoScalar } from '../kql/kql.ts'
import { columnReader, compareDecimals, decimalToNumber, literalValue } from './column-values.ts'
import type { ComparedValue, DecimalValue } from './column-values.ts'

/** True, false, or unknown. */
type Truth = boolean | null
type Test = (row: number) => Truth
/** Bound to the columns of a batch. */
type BoundFilter = (batch: RecordBatch) => Test

/**
 * The rows for which the filter is true, by Kusto's rules: a null compared is unknown except with `==` (false) and
 * `!=` (true), NaN equals nothing, `and`, `or` and `not` know three values. Batches must be decoded with ticks for
 * times and text for guids.
 * @throws {KustoUsageError} KUSTO_BAD_COLUMNS for a column that is not there; KUSTO_NEEDS_PUSHDOWN for a condition that
 * only the service can evaluate
 */
export function compileFilter(node: FilterNode, columns: readonly KustoColumn[]): (batch: RecordBatch) => Int32Array {
  const bind = compile(node, columns)
  return (batch) => {
    const test = bind(batch)
    const rows = new Int32Array(batch.numRows)
    let kept = 0
    for (let row = 0; row < batch.numRows; row++) if (test(row) === true) rows[kept++] = row
    return rows.subarray(0, kept)
  }
}

/** Position and type of a column, by its exact name. */
export function columnNamed(
  name: string,
  columns: readonly KustoColumn[],
): { readonly index: number; readonly type: ScalarName } {
  const index = columns.findIndex((column) => column.name === name)
  const column = columns[index]
  if (column !== undefined) return { index, type: column.type }
  const known = columns.map((each) => each.name).join(', ')
  throw new KustoUsageError('KUSTO_BAD_COLUMNS', `expected a column among ${known}, found ${name}`)
}

export function needsPushDown(what: string): KustoUsageError {
  return new KustoUsageError('KUSTO_NEEDS_PUSHDOWN', `expected pushDown for ${what}, which only the service evaluates`)
}

function compile(node: FilterNode, columns: readonly KustoColumn[]): BoundFilter {
  switch (node.kind) {
    case 'compare': {
      const compare = comparison(node.operator, node.value)
      return onColumn(node.column, columns, (type) => compare(type))
    }
    case 'between': {
      const above = comparison('>=', node.low)
      const below = comparison('<=', node.high)
      return onColumn(node.column, columns, (type) => {
        const [low, high] = [above(type), below(type)]
        return (value) => bothTrue(low(value), high(value))
      })
    }
    case 'in': {
      const equals = node.values.map((value) => comparison('==', value))
      return onColumn(node.column, columns, (type) => {
        const tests = equals.map((make) => make(type))
        return (value) => tests.some((test) => test(value) === true) !== node.negated
      })
    }
    case 'text':
      return onColumn(node.column, columns, (type) => {
        if (type !== 'string') throw needsPushDown(`${node.operator} on column ${node.column} of type ${type}`)
        return textTest(node.operator, node.value)
      })
    case 'test':
      return onColumn(node.column, columns, (type) => {
        const negated = node.test === 'isnotnull' || node.test === 'isnotempty'
        if (node.test === 'isnull' || node.test === 'isnotnull') return (value) => (value === null) !== negated
        if (type === 'dynamic') throw needsPushDown(`${node.test} on column ${node.column} of type dynamic`)
        return (value) => (value === null || value === '') !== negated
      })
    case 'and':
    case 'or': {
      const bound = node.filters.map((filter) => compile(filter, columns))
      const fold = node.kind === 'and' ? allTrue : anyTrue
      return (batch) => fold(bound.map((bind) => bind(batch)))
    }
    case 'not': {
      const bound = compile(node.filter, columns)
      return (batch) => {
        const test = bound(batch)
        return (row) => {
          const truth = test(row)
          return truth === null ? null : !truth
        }
      }
    }
    case 'kql':
      throw needsPushDown(`the condition ${node.condition.toString()}`)
  }
}

function onColumn(
  name: string,
  columns: readonly KustoColumn[],
  make: (type: ScalarName) => (value: ComparedValue) => Truth,
): BoundFilter {
  const { index, type } = columnNamed(name, columns)
  const test = make(type)
  return (batch) => {
    const read = columnReader(columnAt(batch, index), type)
    return (row) => test(read(row))
  }
}

function bothTrue(a: Truth, b: Truth): Truth {
  if (a === false || b === false) return false
  return a === null || b === null ? null : true
}

function allTrue(tests: readonly Test[]): Test {
  return (row) => tests.reduce<Truth>((truth, test) => bothTrue(truth, test(row)), true)
}

function anyTrue(tests: readonly Test[]): Test {
  return (row) => {
    let unknown = false
    for (const test of tests) {
      const truth = test(row)
      if (truth === true) return true
      if (truth === null) unknown = true
    }
    return unknown ? null : false
  }
}

const NUMBERS: readonly ScalarName[] = ['int', 'long', 'decimal', 'real']
const ORDERED: readonly ScalarName[] = [...NUMBERS, 'datetime', 'timespan']

/** A comparison with a literal, still open in the column's type. Numbers meet in the wider type, as in Kusto. */
function comparison(
  operator: CompareOperator,
  literal: KustoScalar,
): (type: ScalarName) => (value: ComparedValue) => Truth {
  return (type) => {
    const bothNumbers = NUMBERS.includes(type) && NUMBERS.includes(literal.type)
    const isEquality = operator === '==' || operator === '!='
    if (!bothNumbers && (type !== literal.type || type === 'dynamic' || !(isEquality || ORDERED.includes(type)))) {
      throw needsPushDown(`${operator} between a column of type ${type} and a literal of type ${literal.type}`)
    }
    const wide = bothNumbers ? widest(type, literal.type) : type
    const wanted = widened(literalValue(literal), wide)
    const order = orderOf(wide)
    return (value) => {
      if (value === null) return isEquality ? operator === '!=' : null
      return decide(operator, order(widened(value, wide), wanted))
    }
  }
}

function widest(a: ScalarName, b: ScalarName): ScalarName {
  return NUMBERS[Math.max(NUMBERS.indexOf(a), NUMBERS.indexOf(b))] ?? a
}

function widened(value: ComparedValue, type: ScalarName): ComparedValue {
  if (value === null) return null
  if (type === 'long') return typeof value === 'number' ? BigInt(value) : value
  if (type === 'real') return typeof value === 'object' ? decimalToNumber(value) : Number(value)
  if (type === 'decimal' && typeof value !== 'object') return { unscaled: BigInt(value), scale: 0 }
  return value
}

/** Negative, zero, positive, or NaN for values that are not ordered. */
function orderOf(type: ScalarName): (a: ComparedValue, b: ComparedValue) => number {
  if (type === 'decimal') return (a, b) => compareDecimals(a as DecimalValue, b as DecimalValue)
  return (a, b) => {
    if (a === null || b === null) return Number.NaN
    return a === b ? 0 : a < b ? -1 : a > b ? 1 : Number.NaN
  }
}

function decide(operator: CompareOperator, order: number): boolean {
  switch (operator) {
    case '==':
      return order === 0
    case '!=':
      return order !== 0
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    case '>=':
      return order >= 0
  }
}

function textTest(operator: TextOperator, wanted: string): (value: ComparedValue) => Truth {
  const folds = !operator.endsWith('_cs')
  const part = folds ? folded(wanted) : wanted
  const test = TEXT_TESTS[operator.replace('_cs', '') as keyof typeof TEXT_TESTS]
  return (value) => typeof value === 'string' && test(folds ? folded(value) : value, part)
}

const TEXT_TESTS: Readonly<Record<'contains' | 'startswith' | 'endswith', (text: string, part: string) => boolean>> = {
  contains: (text, part) => text.includes(part),
  startswith: (text, part) => text.startsWith(part),
  endswith: (text, part) => text.endsWith(part),
}

/** Lower case character by character: the service knows neither characters that grow nor the final sigma. */
function folded(text: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/^[\u0000-\u007f]*$/.test(text)) return text.toLowerCase()
  return Array.from(text, (character) => {
    const lower = character.toLowerCase()
    return lower.length === character.length ? lower : character
  }).join('')
}
