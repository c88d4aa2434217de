import { join, Kql, kql, KustoScalar, name } from './kql.ts'

export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>='

/** Without `_cs` the operator ignores case. */
export type TextOperator = 'contains' | 'contains_cs' | 'startswith' | 'startswith_cs' | 'endswith' | 'endswith_cs'

export type ValueTest = 'isnull' | 'isnotnull' | 'isempty' | 'isnotempty'

/** A condition as data. Nodes are frozen; `filterKql` gives their text, and the reading side can evaluate them. */
export type FilterNode =
  | {
      readonly kind: 'compare'
      readonly column: string
      readonly operator: CompareOperator
      readonly value: KustoScalar
    }
  | { readonly kind: 'text'; readonly column: string; readonly operator: TextOperator; readonly value: string }
  /** Both ends included. */
  | { readonly kind: 'between'; readonly column: string; readonly low: KustoScalar; readonly high: KustoScalar }
  /** Never an empty list, and no nulls in it. */
  | {
      readonly kind: 'in'
      readonly column: string
      readonly values: readonly KustoScalar[]
      readonly negated: boolean
    }
  | { readonly kind: 'test'; readonly column: string; readonly test: ValueTest }
  /** True when there are none. */
  | { readonly kind: 'and'; readonly filters: readonly FilterNode[] }
  /** False when there are none. */
  | { readonly kind: 'or'; readonly filters: readonly FilterNode[] }
  | { readonly kind: 'not'; readonly filter: FilterNode }
  /** A condition in KQL, which only the service can evaluate. */
  | { readonly kind: 'kql'; readonly condition: Kql }

/** The condition as KQL. */
export function filterKql(node: FilterNode): Kql {
  switch (node.kind) {
    case 'compare':
      return kql`${name(node.column)} ${Kql.raw(node.operator)} ${literalOf(node.value)}`
    case 'text':
      return kql`${name(node.column)} ${Kql.raw(node.operator)} ${literalOf(kql.string(node.value))}`
    case 'between':
      return kql`${name(node.column)} between (${literalOf(node.low)} .. ${literalOf(node.high)})`
    case 'in':
      return kql`${name(node.column)} ${Kql.raw(node.negated ? '!in' : 'in')} (${join(node.values.map(literalOf), ', ')})`
    case 'test':
      return kql`${Kql.raw(node.test)}(${name(node.column)})`
    case 'and':
      return combined(node.filters, ' and ', kql`true`)
    case 'or':
      return combined(node.filters, ' or ', kql`false`)
    case 'not':
      return kql`not(${filterKql(node.filter)})`
    case 'kql':
      // A comment at its end must not swallow the bracket.
      return kql`(${node.condition}${Kql.raw(node.condition.skeleton.includes('//') ? '\n' : '')})`
  }
}

function combined(filters: readonly FilterNode[], operator: string, none: Kql): Kql {
  const [first] = filters
  if (first === undefined) return none
  return filters.length === 1 ? filterKql(first) : kql`(${join(filters.map(filterKql), operator)})`
}

function literalOf(scalar: KustoScalar): Kql {
  return Kql.raw(scalar.literal)
}
