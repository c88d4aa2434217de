import { Kql, kql, KustoScalar, join, literal, name, scalarOf } from './kql.ts'

/** What a column is compared with: typed by what it is in JavaScript, or by `kql.int(5)` and its siblings. */
export type FilterValue = KustoScalar | string | number | bigint | boolean | Date

/** A condition on rows, to be joined with others and pushed down as `where`. */
export class Filter {
  readonly kql: Kql

  constructor(condition: Kql) {
    this.kql = condition
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
  return combine(filters, ' and ', kql`true`)
}

/** Any of them; false when there are none. */
export function or(...filters: readonly Filter[]): Filter {
  return combine(filters, ' or ', kql`false`)
}

/** As in Kusto, `not` of an unknown (null) is unknown, and `where` drops the row. */
export function not(filter: Filter): Filter {
  return new Filter(kql`not(${filter.kql})`)
}

/** A condition written in KQL. */
export function where(condition: Kql): Filter {
  return new Filter(kql`(${condition})`)
}

/**
 * A column to compare. Words mean what they mean in KQL: `contains`, `startsWith` and `endsWith` ignore case and have
 * a `Cs` twin; `ne` keeps rows whose value is null; comparing with null asks `isnull`.
 */
export class Column {
  readonly #name: Kql

  constructor(columnName: string) {
    this.#name = name(columnName)
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
    return new Filter(kql`${this.#name} between (${literal(low)} .. ${literal(high)})`)
  }

  /** One of the values; false for an empty list. A null in the list matches nulls. */
  in(values: readonly (FilterValue | null)[]): Filter {
    const given = values.filter((value) => !isNullValue(value))
    const listed = given.length === 0 ? [] : [new Filter(kql`${this.#name} in (${list(given)})`)]
    return or(...listed, ...(given.length < values.length ? [this.isNull()] : []))
  }

  /** None of the values; true for an empty list. A null in the list excludes nulls. */
  notIn(values: readonly (FilterValue | null)[]): Filter {
    const given = values.filter((value) => !isNullValue(value))
    const listed = given.length === 0 ? [] : [new Filter(kql`${this.#name} !in (${list(given)})`)]
    return and(...listed, ...(given.length < values.length ? [this.isNotNull()] : []))
  }

  /** Never true for a string column: Kusto strings have no null, only the empty text. */
  isNull(): Filter {
    return new Filter(kql`isnull(${this.#name})`)
  }

  isNotNull(): Filter {
    return new Filter(kql`isnotnull(${this.#name})`)
  }

  isEmpty(): Filter {
    return new Filter(kql`isempty(${this.#name})`)
  }

  isNotEmpty(): Filter {
    return new Filter(kql`isnotempty(${this.#name})`)
  }

  /** Case is ignored. */
  startsWith(prefix: string): Filter {
    return this.#compare('startswith', prefix)
  }

  startsWithCs(prefix: string): Filter {
    return this.#compare('startswith_cs', prefix)
  }

  /** Case is ignored. */
  endsWith(suffix: string): Filter {
    return this.#compare('endswith', suffix)
  }

  endsWithCs(suffix: string): Filter {
    return this.#compare('endswith_cs', suffix)
  }

  /** Case is ignored. */
  contains(part: string): Filter {
    return this.#compare('contains', part)
  }

  containsCs(part: string): Filter {
    return this.#compare('contains_cs', part)
  }

  #compare(operator: string, value: FilterValue): Filter {
    return new Filter(kql`${this.#name} ${Kql.raw(operator)} ${literal(value)}`)
  }
}

/** A column by its name, any name: `col('A').gt(12)`. */
export function col(columnName: string): Column {
  return new Column(columnName)
}

function combine(filters: readonly Filter[], operator: string, none: Kql): Filter {
  const [first] = filters
  if (first === undefined) return new Filter(none)
  if (filters.length === 1) return first
  return new Filter(
    kql`(${join(
      filters.map((filter) => filter.kql),
      operator,
    )})`,
  )
}

function list(values: readonly (FilterValue | null)[]): Kql {
  return join(
    values.map((value) => Kql.raw(scalarOf(value).literal)),
    ', ',
  )
}

function isNullValue(value: FilterValue | null): value is null {
  return value === null || (value instanceof KustoScalar && (value.value === null || value.literal === 'dynamic(null)'))
}
