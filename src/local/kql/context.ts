import type { Cell, ScalarName, SyntaxNode } from '../lang/syntax.ts'
import { LocalError } from '../server/local-error.ts'
import type { Relation, RelationColumn } from './relation.ts'
import type { Sql } from './sql.ts'

/** A stored table as the translator sees it. */
export interface PhysicalTable {
  /** What can stand after FROM, e.g. `main.t_12`. */
  readonly sql: string
  readonly columns: readonly {
    readonly name: string
    readonly type: ScalarName
    /** Quoted SQL identifier. */
    readonly physical: string
  }[]
  /** Physical column that holds the extent ordinal. */
  readonly extentColumn?: string
}

/** What a name in the query stands for. */
export type Binding =
  | { readonly kind: 'scalar'; readonly value: Sql }
  | { readonly kind: 'table'; readonly relation: Relation }
  | { readonly kind: 'lazy'; readonly resolve: () => Binding }
  | FunctionBinding
  | { readonly kind: 'pattern'; readonly name: string; readonly declaration: SyntaxNode; readonly context: Context }

/** A function declared by the query, with the names it was declared among. */
export interface FunctionBinding {
  readonly kind: 'function'
  readonly name: string
  readonly declaration: SyntaxNode
  readonly context: Context
}

/** Names in scope, inner ones first. */
export class Environment {
  readonly #names = new Map<string, Binding>()
  readonly #parent: Environment | undefined

  constructor(parent?: Environment) {
    this.#parent = parent
  }

  define(name: string, binding: Binding): void {
    this.#names.set(name, binding)
  }

  lookup(name: string): Binding | undefined {
    const found = this.#names.get(name) ?? this.#parent?.lookup(name)
    if (found?.kind !== 'lazy') return found
    const resolved = found.resolve()
    if (this.#names.has(name)) this.#names.set(name, resolved)
    return resolved
  }
}

/** The columns an expression may read. */
export interface RowScope {
  readonly columns: readonly RelationColumn[]
  /** Columns of `$right` in a join condition; `columns` is then `$left`. */
  readonly right?: readonly RelationColumn[]
  /** Rows that have a name of their own, such as the steps of `scan`. */
  readonly tuples?: ReadonlyMap<string, readonly RelationColumn[]>
  /** SQL of the row-number column, for calls that depend on the order of rows. */
  readonly order?: string
  /** Column with the ordinal of the row's extent. */
  readonly extent?: string
  /** Aggregates may be called. */
  readonly aggregate?: true
  /** Calls that were computed beforehand. */
  readonly computed?: ReadonlyMap<SyntaxNode, Sql>
}

/** What holds for a whole query. */
export interface QueryState {
  /** The text that the binder saw last. */
  readonly text: string
  readonly database: string
  readonly nowTicks: bigint
  readonly parameters: ReadonlyMap<string, string>
  readonly options: Map<string, string | true>
  /** Options whose value is a typed literal. */
  readonly optionValues: Map<string, Sql>
  /** Named results of `materialize`, to be put in front of the final statement. */
  readonly materialized: string[]
  visualization: Readonly<Record<string, unknown>> | undefined
  readonly newId: () => string
  table(database: string | undefined, name: string): PhysicalTable | undefined
  scalar(node: SyntaxNode, context: Context): Sql
  tabular(node: SyntaxNode, context: Context): Relation
}

/** Where a node is translated. */
export interface Context {
  readonly query: QueryState
  readonly names: Environment
  /** What to add to a node's offsets to get the place in the query text. */
  readonly shift: number
  readonly row?: RowScope
  /** The table a subquery without a source works on. */
  readonly input?: Relation
  /** Nesting of user functions. */
  readonly depth: number
}

/** A change of the query text. */
export interface TextEdit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/**
 * Thrown when the binder must see another text first: the schema of a plugin that depends on the data, a fuzzy union
 * without the tables that do not exist. The caller runs `probe`, applies the edit and translates again.
 */
export class RewriteNeeded extends Error {
  readonly probe: string | undefined
  readonly edit: (rows: readonly (readonly unknown[])[]) => TextEdit

  constructor(probe: string | undefined, edit: RewriteNeeded['edit']) {
    super('the query must be rewritten first')
    this.probe = probe
    this.edit = edit
  }
}

/** A query that breaks a rule the binder does not check. */
export function semanticError(message: string): LocalError {
  return new LocalError('General_BadRequest', `Semantic error: ${message}`, {
    type: 'Kusto.Data.Exceptions.SemanticException',
    innerCode: 'SEM0100',
  })
}

/** The value of an expression that must be a literal. */
export function constantOf(value: Sql, what: string): Cell {
  if (value.constant === undefined) throw semanticError(`${what} must be a constant`)
  return value.constant
}
