import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import vm from 'node:vm'

export interface ParsedKql {
  readonly kind: string
  /** For a command: CustomCommand, PartialCommand, CommandAndSkippedTokens or UnknownCommand. */
  readonly form: string | undefined
  readonly diagnostics: readonly string[]
  /** The values of all string literals, in order. */
  readonly strings: readonly string[]
  /** Text of the constant literals' first one's type, for tests of single literals. */
  readonly resultTypes: readonly string[]
}

export interface MicrosoftParser {
  parse(
    text: string,
    tables?: readonly { name: string; columns: readonly { name: string; type: string }[] }[],
  ): ParsedKql
}

// The package is an ambient namespace that its two script files fill in; nothing in it is typed for modules.
/* oxlint-disable typescript/no-explicit-any */
interface Scope {
  readonly Bridge: any
  readonly Kusto: any
}

/** Microsoft's own KQL parser and binder: what the checks of generated text are made with. */
export function loadMicrosoftParser(): MicrosoftParser {
  const folder = dirname(createRequire(import.meta.url).resolve('@kusto/language-service-next/package.json'))
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
  const source = `(function(){ var Bridge, System, Kusto, module={exports:{}};
    var global={console,setTimeout,clearTimeout,setInterval,clearInterval};
    for (const key of ['Bridge','System','Kusto']) {
      const set = { Bridge: v => { Bridge = v }, System: v => { System = v }, Kusto: v => { Kusto = v } }[key]
      const get = { Bridge: () => Bridge, System: () => System, Kusto: () => Kusto }[key]
      Object.defineProperty(global, key, { get, set })
    }
    ${read('bridge.min.js')};${read('Kusto.Language.Bridge.min.js')}; return {Bridge, Kusto} })`
  const { Bridge, Kusto } = vm.runInThisContext(source).call({}) as Scope
  const S = Kusto.Language.Symbols
  const types: Record<string, any> = {
    bool: S.ScalarTypes.Bool,
    int: S.ScalarTypes.Int,
    long: S.ScalarTypes.Long,
    real: S.ScalarTypes.Real,
    decimal: S.ScalarTypes.Decimal,
    string: S.ScalarTypes.String,
    datetime: S.ScalarTypes.DateTime,
    timespan: S.ScalarTypes.TimeSpan,
    guid: S.ScalarTypes.Guid,
    dynamic: S.ScalarTypes.Dynamic,
  }

  return {
    parse(text, tables = []) {
      const symbols = tables.map(
        (table) =>
          new S.TableSymbol.$ctor4(
            table.name,
            table.columns.map((column) => new S.ColumnSymbol(column.name, types[column.type])),
          ),
      )
      const database = new S.DatabaseSymbol.ctor('db1', symbols)
      const globals = Kusto.Language.GlobalState.Default.WithCluster(
        new S.ClusterSymbol.ctor('c', [database]),
      ).WithDatabase(database)
      const code = Kusto.Language.KustoCode.ParseAndAnalyze(text, globals)
      const found = code.GetDiagnostics()
      const diagnostics: string[] = []
      for (let at = 0; at < found.Count; at++) {
        const item = found.getItem(at)
        diagnostics.push(`${item.Severity} ${item.Code}: ${item.Message}`)
      }
      const strings: string[] = []
      let form: string | undefined
      const walk = (node: any): void => {
        const type = String(Bridge.getTypeName(node)).split('.').at(-1) ?? ''
        if (/^(CustomCommand|PartialCommand|CommandAndSkippedTokens|UnknownCommand)$/.test(type)) form = type
        if (type.endsWith('LiteralExpression') && typeof node.LiteralValue === 'string') strings.push(node.LiteralValue)
        else if (/CompoundStringLiteral/.test(type)) {
          strings.push(node.LiteralValue ?? node.ConstantValue)
          return
        }
        for (let at = 0; at < node.ChildCount; at++) {
          const child = node.GetChild(at)
          if (child) walk(child)
        }
      }
      walk(code.Syntax)
      const columns = code.ResultType?.Columns
      const resultTypes: string[] = []
      for (let at = 0; at < (columns?.Count ?? 0); at++) resultTypes.push(String(columns.getItem(at).Type.Name))
      return { kind: String(code.Kind), form, diagnostics, strings, resultTypes }
    },
  }
}
