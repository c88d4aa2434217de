/** The slice of the official parser's API that is used here. Names are the package's own. */

export interface BridgeList<T> {
  readonly Count: number
  getItem(index: number): T
}

export interface BridgeSymbol {
  readonly Name: string
  readonly Columns?: BridgeList<BridgeColumn> | null
  readonly IsOpen?: boolean
}

export interface BridgeColumn {
  readonly Name: string
  readonly Type: BridgeSymbol
}

export interface BridgeElement {
  readonly Kind: number
  readonly ChildCount: number
  readonly TextStart: number
  readonly End: number
  readonly Text?: string
  readonly ValueText?: string | null
  readonly ResultType?: BridgeSymbol | null
  readonly ReferencedSymbol?: BridgeSymbol | null
  readonly SimpleName?: string | null
  readonly ConstantValue?: unknown
  readonly IsMissing?: boolean
  readonly Element$1?: BridgeElement
  GetChild(index: number): BridgeElement | null
  GetName(index: number): string | null
  GetCalledFunctionBody?(): BridgeElement | null
}

export interface BridgeDiagnostic {
  readonly Severity: string
  readonly Code: string
  readonly Message: string
  readonly Start: number
  readonly Length: number
}

export interface KustoCode {
  readonly Kind: string
  readonly Syntax: BridgeElement
  readonly ResultType: BridgeSymbol | null
  GetDiagnostics(): BridgeList<BridgeDiagnostic>
}

export interface GlobalState {
  WithCluster(cluster: BridgeSymbol): GlobalState
  WithDatabase(database: BridgeSymbol): GlobalState
}

/** Tokens of a text by position; null behind the last. */
export interface TokenSource {
  Peek(at: number): { readonly Kind: unknown } | null
}

export interface CommandParser {
  /** How many tokens from `start` on it takes; negative when it does not fit. */
  Scan(input: TokenSource, start: number): number
}

export interface PartialParser {
  /** How many tokens the beginning of any of these commands takes. */
  ScanPartialBest: (tokenType: unknown, commands: readonly CommandParser[], input: TokenSource, start: number) => number
}

export interface Kusto {
  readonly Language: {
    readonly Parsing: { readonly PartialParser: PartialParser }
    readonly KustoCode: { ParseAndAnalyze(text: string, globals: GlobalState): KustoCode }
    readonly GlobalState: { readonly Default: GlobalState }
    readonly Syntax: { readonly SyntaxKind: Readonly<Record<string, unknown>> }
    readonly Symbols: {
      readonly ScalarTypes: Readonly<Record<string, BridgeSymbol>>
      readonly ColumnSymbol: new (name: string, type: BridgeSymbol) => BridgeSymbol
      readonly TableSymbol: { readonly $ctor4: new (name: string, columns: readonly BridgeSymbol[]) => BridgeSymbol }
      readonly DatabaseSymbol: { readonly ctor: new (name: string, members: readonly BridgeSymbol[]) => BridgeSymbol }
      readonly ClusterSymbol: { readonly ctor: new (name: string, databases: readonly BridgeSymbol[]) => BridgeSymbol }
    }
  }
}

export interface LanguageRuntime {
  readonly Bridge: { getTypeName(value: unknown): string }
  readonly Kusto: Kusto
}
