import type { KustoColumn, ScalarName } from '../arrow/scalar-types.ts'

/** One way in which the columns of the data differ from those of the table. */
export interface SchemaDifference {
  /**
   * `only-in-data` and `only-in-table`: no column of that exact name on the other side. `type`: the same name with
   * another type. `position`: the same name at another position.
   */
  readonly kind: 'only-in-data' | 'only-in-table' | 'type' | 'position'
  readonly column: string
  readonly data?: { readonly type: ScalarName; readonly position: number }
  readonly table?: { readonly type: ScalarName; readonly position: number }
}

/** Compares names, types and order. The order is judged among the columns that both sides have. */
export function schemaDifferences(
  data: readonly KustoColumn[],
  table: readonly KustoColumn[],
): readonly SchemaDifference[] {
  const dataAt = new Map(data.map(({ name }, position) => [name, position]))
  const tableAt = new Map(table.map(({ name }, position) => [name, position]))
  const shared = data.filter(({ name }) => tableAt.has(name)).map(({ name }) => name)
  const inTableOrder = shared.toSorted((a, b) => (tableAt.get(a) ?? 0) - (tableAt.get(b) ?? 0))
  const differences: SchemaDifference[] = []
  for (const [position, { name, type }] of data.entries()) {
    const here = { type, position }
    const there = tableAt.get(name)
    const target = there === undefined ? undefined : table[there]
    if (there === undefined || target === undefined) {
      differences.push({ kind: 'only-in-data', column: name, data: here })
      continue
    }
    const both = { column: name, data: here, table: { type: target.type, position: there } }
    if (target.type !== type) differences.push({ kind: 'type', ...both })
    if (shared.indexOf(name) !== inTableOrder.indexOf(name)) differences.push({ kind: 'position', ...both })
  }
  for (const [position, { name, type }] of table.entries()) {
    if (!dataAt.has(name)) differences.push({ kind: 'only-in-table', column: name, table: { type, position } })
  }
  return differences
}

/** One line about a difference, for people. */
export function describeDifference({ kind, column, data, table }: SchemaDifference): string {
  switch (kind) {
    case 'only-in-data':
      return `${column}: only in the data, as ${data?.type ?? ''}`
    case 'only-in-table':
      return `${column}: only in the table, as ${table?.type ?? ''}`
    case 'type':
      return `${column}: ${data?.type ?? ''} in the data, ${table?.type ?? ''} in the table`
    case 'position':
      return `${column}: column ${data?.position ?? 0} of the data, column ${table?.position ?? 0} of the table`
  }
}
