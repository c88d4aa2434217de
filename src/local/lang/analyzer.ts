import type { BridgeDiagnostic, BridgeList, GlobalState, KustoCode, LanguageRuntime } from './bridge.ts'
import { analyzeCommand } from './command.ts'
import { buildGlobals } from './schema.ts'
import type { Analysis, AnalyzeScope, DatabaseSchema, Diagnostic } from './syntax.ts'
import { createWalker, syntaxKinds } from './walk.ts'

/** Analyses kept; parsing a command costs several milliseconds every time. */
const MAX_CACHED = 500

/** The official parser's code for a text that nests too deeply to be bound. */
const TOO_DEEP = 'KS245'

const DEPTH_ERROR: Diagnostic = {
  severity: 'error',
  code: TOO_DEEP,
  message: 'Query syntax depth exceeds maximum safe limit. Semantic analysis not performed.',
  start: 0,
  length: 0,
}

/** The official parser over a catalog. Lives on the worker thread. */
export interface Analyzer {
  setDatabases(databases: readonly DatabaseSchema[]): void
  analyze(text: string, scope: AnalyzeScope): Analysis
}

/** Creates an analyzer that caches by text and scope until the catalog changes. */
export function createAnalyzer(runtime: LanguageRuntime): Analyzer {
  const kinds = syntaxKinds(runtime)
  let databases: readonly DatabaseSchema[] = []
  let globals = new Map<string, GlobalState>()
  let cache = new Map<string, Analysis>()

  return {
    setDatabases(next) {
      databases = next
      globals = new Map()
      cache = new Map()
    },
    analyze(text, scope) {
      const key = JSON.stringify([scope.database, scope.extraTables ?? [], text])
      const cached = cache.get(key)
      if (cached !== undefined) return cached
      const made = parse(text, scope)
      if (cache.size >= MAX_CACHED) cache = new Map()
      cache.set(key, made)
      return made
    },
  }

  function parse(text: string, scope: AnalyzeScope): Analysis {
    const code = parsed(text, scope)
    if (code === undefined) return tooDeep(text, [DEPTH_ERROR])
    const walker = createWalker(runtime, kinds)
    const diagnostics = plainDiagnostics(code.GetDiagnostics())
    const isCommand = code.Kind === 'Command'
    if (!isCommand && diagnostics.some((each) => each.code === TOO_DEEP)) return tooDeep(text, diagnostics)
    const root = walker.node(code.Syntax)
    if (isCommand) return analyzeCommand(text, root, diagnostics)
    const shape = walker.shape(code.ResultType)
    const known = shape !== undefined && shape.open === undefined && shape.unknownColumns === undefined
    return { kind: 'query', text, root, columns: known ? shape.columns : undefined, diagnostics }
  }

  /** Undefined when a query nests so deeply that the parser runs out of stack. */
  function parsed(text: string, scope: AnalyzeScope): KustoCode | undefined {
    try {
      return runtime.Kusto.Language.KustoCode.ParseAndAnalyze(text, globalsFor(scope))
    } catch (error) {
      if (error instanceof RangeError && !text.trimStart().startsWith('.')) return undefined
      throw error
    }
  }

  function globalsFor(scope: AnalyzeScope): GlobalState {
    if (scope.extraTables !== undefined && scope.extraTables.length > 0) {
      return buildGlobals(runtime.Kusto, databases, scope)
    }
    const known = globals.get(scope.database)
    if (known !== undefined) return known
    const built = buildGlobals(runtime.Kusto, databases, { database: scope.database })
    globals.set(scope.database, built)
    return built
  }
}

/**
 * The answer for a text that was not bound. Its tree is left out: nobody reads it, and one that deep does not survive
 * the way to another thread.
 */
function tooDeep(text: string, diagnostics: readonly Diagnostic[]): Analysis {
  const root = { kind: 'QueryBlock', start: 0, end: text.length, children: [] }
  return { kind: 'query', text, root, columns: undefined, diagnostics }
}

function plainDiagnostics(list: BridgeList<BridgeDiagnostic>): readonly Diagnostic[] {
  const plain: Diagnostic[] = []
  for (let index = 0; index < list.Count; index++) {
    const each = list.getItem(index)
    plain.push({
      severity: severityOf(each.Severity),
      code: each.Code,
      message: each.Message,
      start: each.Start,
      length: each.Length,
    })
  }
  return plain
}

function severityOf(name: string): Diagnostic['severity'] {
  if (name === 'Error') return 'error'
  return name === 'Warning' ? 'warning' : 'info'
}
