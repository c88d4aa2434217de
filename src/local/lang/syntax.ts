/** The ten scalar types of Kusto. */
export type ScalarName =
  | 'bool'
  | 'int'
  | 'long'
  | 'real'
  | 'decimal'
  | 'string'
  | 'datetime'
  | 'timespan'
  | 'guid'
  | 'dynamic'

export interface Column {
  readonly name: string
  readonly type: ScalarName
}

/**
 * A value in JavaScript: bool boolean; int number; long bigint; real number; decimal string; datetime and timespan
 * bigint ticks (100 ns, datetime since 0001-01-01); guid string; string string; dynamic JSON text; null for null.
 */
export type Cell = boolean | number | bigint | string | null

/** What a name in a query stands for, as the binder decided. */
export interface SymbolReference {
  /** Class of the symbol: `ColumnSymbol`, `TableSymbol`, `VariableSymbol`, `ParameterSymbol`, `FunctionSymbol`, ... */
  readonly kind: string
  readonly name: string
}

/**
 * One node of the official syntax tree as plain data. Separators of lists are left out; tokens are nodes of kind
 * `Token`, lists of kind `List`.
 */
export interface SyntaxNode {
  /** Class of the node: `FilterOperator`, `PipeExpression`, `NameReference`, ... */
  readonly kind: string
  /** Finer kind where one class stands for several: `EqualExpression`, `LongLiteralExpression`, ... */
  readonly op?: string
  /** Role in the parent: `Left`, `Condition`, ... */
  readonly label?: string
  /** Offsets into the query text, or into the text of the function body for nodes of an expansion. */
  readonly start: number
  readonly end: number
  /** Source text of a token. */
  readonly text?: string
  /** Unquoted, unescaped value of a token, or the constant of a string literal. */
  readonly value?: string
  /** The name a declaration, reference or named parameter carries. */
  readonly name?: string
  readonly children: readonly SyntaxNode[]
  /** Type of a scalar expression; absent for tables and for what only the data can tell. */
  readonly type?: ScalarName
  /** Columns of a tabular expression or of a function that makes several. */
  readonly columns?: readonly Column[]
  /** Names of columns whose type the binder could not know. */
  readonly unknownColumns?: readonly string[]
  /** The binder cannot know all columns, for example after `bag_unpack`. */
  readonly open?: true
  readonly symbol?: SymbolReference
  /** Bound body of the called user function. */
  readonly expansion?: SyntaxNode
}

export interface Diagnostic {
  readonly severity: 'error' | 'warning' | 'info'
  /** Code of the official parser, for example `KS204`. */
  readonly code: string
  readonly message: string
  readonly start: number
  readonly length: number
}

export interface QueryAnalysis {
  readonly kind: 'query'
  readonly text: string
  readonly root: SyntaxNode
  /** Final schema; undefined when the query makes no table or the schema depends on the data. */
  readonly columns: readonly Column[] | undefined
  readonly diagnostics: readonly Diagnostic[]
}

export interface CommandArgument {
  /** Role the official grammar gives it: `TableName`, `ColumnName`, `PropertyValue`, ... */
  readonly label: string
  /** Unquoted and unescaped. */
  readonly value: string
  readonly start: number
  readonly end: number
}

export interface TextSpan {
  readonly start: number
  readonly end: number
}

export interface CommandAnalysis {
  readonly kind: 'command'
  /** Only `CustomCommand` was understood to its end. */
  readonly form: 'CustomCommand' | 'PartialCommand' | 'CommandAndSkippedTokens' | 'UnknownCommand'
  /** Official name of the command, for example `CreateMergeTable`. */
  readonly name: string | undefined
  /** Labelled parts in source order. */
  readonly arguments: readonly CommandArgument[]
  /** Unlabelled tokens in source order, punctuation included. */
  readonly words: readonly string[]
  readonly resultColumns: readonly Column[] | undefined
  /** The text after `<|`. */
  readonly query: TextSpan | undefined
  /** The text after the first `|` of a piped command. */
  readonly pipe: TextSpan | undefined
  readonly text: string
  readonly diagnostics: readonly Diagnostic[]
}

export type Analysis = QueryAnalysis | CommandAnalysis

export interface TableSchema {
  readonly name: string
  readonly columns: readonly Column[]
}

export interface DatabaseSchema {
  readonly name: string
  readonly tables: readonly TableSchema[]
}

export interface AnalyzeScope {
  readonly database: string
  /** Tables known to this text only, for example the result of a command that is piped on. */
  readonly extraTables?: readonly TableSchema[]
}
