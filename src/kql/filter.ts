import type { CompareOperator, FilterNode, TextOperator, ValueTest } from './filter-node.ts'
import { filterKql } from './filter-node.ts'
import { Kql, KustoScalar, name, scalarOf } from './kql.ts'

/** What a column is compared with: typed by what it is in JavaScript, or by `kql.int(5)` and its siblings. */
export type FilterValue = KustoScalar | string | number | bigint | boolean | Date

/** A condition on rows, to be joined with others and pushed down as `where`. */
export class Filter {
  /** The condition as data. */
  readonly node: FilterNode

  constructor(node: FilterNode) {
    this.node = Object.freeze(node)
  }

  /** The condition as KQL. */
  get kql(): Kql {
    return filterKql(this.node)
  }

  and(...others: readonly Filter[]): Filter {
    return and(this, ...others)
  }

  or(...others: readonly Filter[]): Filter {
    return or(this, ...others)
  }

  not(): Filter {
    return not(this)
  }

  toString(): string {
    return this.kql.toString()
  }
}

/** All of them; true when there are none. */
export function and(...filters: readonly Filter[]): Filter {
  return combine('and', filters)
}

/** Any of them; false when there are none. */
export function or(...filters: readonly Filter[]): Filter {
  return combine('or', filters)
}

/** As in Kusto, `not` of an unknown (null) is unknown, and `where` drops the row. */
export function not(filter: Filter): Filter {
  return new Filter({ kind: 'not', filter: filter.node })
}

/** A condition written in KQL. Only the service can evaluate it, so it needs push-down. */
export function where(condition: Kql): Filter {
  return new Filter({ kind: 'kql', condition })
}

/**
 * A column to compare. Words mean what they mean in KQL: `contains`, `startsWith` and `endsWith` ignore case and have
 * a `Cs` twin; `ne` and `notIn` keep rows whose value is null; comparing with null asks `isnull`.
 */
export class Column {
  readonly #name: string

  constructor(columnName: string) {
    // Refused here rather than where the filter is used.
    name(columnName)
    this.#name = columnName
  }

  eq(value: FilterValue | null): Filter {
    return isNullValue(value) ? this.isNull() : this.#compare('==', value)
  }

  ne(value: FilterValue | null): Filter {
    return isNullValue(value) ? this.isNotNull() : this.#compare('!=', value)
  }

  lt(value: FilterValue): Filter {
    return this.#compare('<', value)
  }

  le(value: FilterValue): Filter {
    return this.#compare('<=', value)
  }

  gt(value: FilterValue): Filter {
    return this.#compare('>', value)
  }

  ge(value: FilterValue): Filter {
    return this.#compare('>=', value)
  }

  /** From `low` to `high`, both included. */
  between(low: FilterValue, high: FilterValue): Filter {
    return new Filter({ kind: 'between', column: this.#name, low: scalarOf(low), high: scalarOf(high) })
  }

  /** One of the values; false for an empty list. A null in the list matches nulls. */
  in(values: readonly (FilterValue | null)[]): Filter {
    const { given, hasNull } = listed(values)
    return or(...this.#list(given, false), ...(hasNull ? [this.isNull()] : []))
  }

  /** None of the values; true for an empty list. A null in the list excludes nulls. */
  notIn(values: readonly (FilterValue | null)[]): Filter {
    const { given, hasNull } = listed(values)
    return and(...this.#list(given, true), ...(hasNull ? [this.isNotNull()] : []))
  }

  /** Never true for a string column: Kusto strings have no null, only the empty text. */
  isNull(): Filter {
    return this.#test('isnull')
  }

  isNotNull(): Filter {
    return this.#test('isnotnull')
  }

  isEmpty(): Filter {
    return this.#test('isempty')
  }

  isNotEmpty(): Filter {
    return this.#test('isnotempty')
  }

  /** Case is ignored. */
  startsWith(prefix: string): Filter {
    return this.#text('startswith', prefix)
  }

  startsWithCs(prefix: string): Filter {
    return this.#text('startswith_cs', prefix)
  }

  /** Case is ignored. */
  endsWith(suffix: string): Filter {
    return this.#text('endswith', suffix)
  }

  endsWithCs(suffix: string): Filter {
    return this.#text('endswith_cs', suffix)
  }

  /** Case is ignored. */
  contains(part: string): Filter {
    return this.#text('contains', part)
  }

  containsCs(part: string): Filter {
    return this.#text('contains_cs', part)
  }

  #compare(operator: CompareOperator, value: FilterValue): Filter {
    return new Filter({ kind: 'compare', column: this.#name, operator, value: scalarOf(value) })
  }

  #text(operator: TextOperator, value: string): Filter {
    return new Filter({ kind: 'text', column: this.#name, operator, value })
  }

  #test(test: ValueTest): Filter {
    return new Filter({ kind: 'test', column: this.#name, test })
  }

  #list(values: readonly KustoScalar[], negated: boolean): readonly Filter[] {
    if (values.length === 0) return []
    return [new Filter({ kind: 'in', column: this.#name, values: Object.freeze([...values]), negated })]
  }
}

/** A column by its name, any name: `col('A').gt(12)`. */
export function col(columnName: string): Column {
  return new Column(columnName)
}

function combine(kind: 'and' | 'or', filters: readonly Filter[]): Filter {
  const [first] = filters
  if (first !== undefined && filters.length === 1) return first
  return new Filter({ kind, filters: Object.freeze(filters.map((filter) => filter.node)) })
}

function listed(values: readonly (FilterValue | null)[]): {
  readonly given: readonly KustoScalar[]
  readonly hasNull: boolean
} {
  const given = values.filter((value) => !isNullValue(value)).map((value) => scalarOf(value))
  return { given, hasNull: given.length < values.length }
}

function isNullValue(value: FilterValue | null): value is null {
  return value === null || (value instanceof KustoScalar && (value.value === null || value.literal === 'dynamic(null)'))
}
