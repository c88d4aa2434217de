import type { BridgeSymbol, GlobalState, Kusto } from './bridge.ts'
import type { DatabaseSchema, ScalarName, TableSchema } from './syntax.ts'

const SYMBOLS: Readonly<Record<ScalarName, string>> = {
  bool: 'Bool',
  int: 'Int',
  long: 'Long',
  real: 'Real',
  decimal: 'Decimal',
  string: 'String',
  datetime: 'DateTime',
  timespan: 'TimeSpan',
  guid: 'Guid',
  dynamic: 'Dynamic',
}

/** The catalog as symbols of the official parser, with one database current. */
export function buildGlobals(
  kusto: Kusto,
  databases: readonly DatabaseSchema[],
  current: { readonly database: string; readonly extraTables?: readonly TableSchema[] },
): GlobalState {
  const symbols = kusto.Language.Symbols
  const built = new Map<string, BridgeSymbol>()
  for (const database of databases) {
    const extra = database.name === current.database ? (current.extraTables ?? []) : []
    const shadowed = new Set(extra.map((table) => table.name))
    const tables = [...database.tables.filter((table) => !shadowed.has(table.name)), ...extra]
    built.set(database.name, new symbols.DatabaseSymbol.ctor(database.name, tables.map(buildTable)))
  }
  let chosen = built.get(current.database)
  if (chosen === undefined) {
    chosen = new symbols.DatabaseSymbol.ctor(current.database, (current.extraTables ?? []).map(buildTable))
    built.set(current.database, chosen)
  }
  const cluster = new symbols.ClusterSymbol.ctor('local', [...built.values()])
  return kusto.Language.GlobalState.Default.WithCluster(cluster).WithDatabase(chosen)

  function buildTable(table: TableSchema): BridgeSymbol {
    return new symbols.TableSymbol.$ctor4(
      table.name,
      table.columns.map((column) => {
        const type = symbols.ScalarTypes[SYMBOLS[column.type]]
        if (type === undefined) throw new Error(`the Kusto parser has no type ${column.type}`)
        return new symbols.ColumnSymbol(column.name, type)
      }),
    )
  }
}
