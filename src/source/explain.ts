import type { ScalarName } from '../arrow/scalar-types.ts'
import { checkNames } from '../base/check-options.ts'
import type { RequestOptions } from '../protocol/request-properties.ts'
import { kustoTypeOf } from './declared-schema.ts'
import { schemaOf, sentSettings } from './dataframe.ts'
import type { Dataframe } from './dataframe.ts'
import { describeEstimate, estimateRows } from './estimate-rows.ts'
import type { RowEstimate } from './estimate-rows.ts'
import { explainExport } from './explain-export.ts'
import { decideMode } from './read-auto.ts'
import { fetchColumns } from './read-schema.ts'
import type { ReadMode } from './read-settings.ts'
import type { SourceContext } from './source-context.ts'
import { queryText } from './source-query.ts'
import { verbKql } from './verbs.ts'

export interface ExplainOptions {
  /** Count the rows, within `estimateTimeoutMs` and up to `exportAboveRows`. Default false. */
  readonly estimate?: boolean
}

export interface ExplainedColumn {
  readonly name: string
  readonly type: ScalarName
  /** The Arrow type, as text. */
  readonly arrow: string
}

/** What a run of a read would do. Plain data without secrets; `toString` is for people. */
export interface ReadExplanation {
  /** What was asked for. */
  readonly mode: ReadMode
  /** How the rows would begin to travel; an `auto` read that begins as one query may still switch. */
  readonly begins: 'single' | 'distributed'
  readonly reason: string
  /** What goes to the query endpoint. */
  readonly query: string
  /** Query parameters, as literals. */
  readonly parameters: Readonly<Record<string, string>>
  readonly properties: RequestOptions
  /** The export, with its target masked: what a distributed read sends, and an `auto` read that switches. */
  readonly exportCommand: string | undefined
  /** Verbs that are applied on this side, as KQL. */
  readonly appliedHere: readonly string[]
  readonly schema: readonly ExplainedColumn[]
  readonly estimate: RowEstimate | undefined
  toString(): string
}

/** Asks for the schema, and for a count if told to; the query itself is not run. Dictionary columns must have their names. */
export async function explainDataframe(
  context: SourceContext,
  frame: Dataframe,
  options: ExplainOptions,
): Promise<ReadExplanation> {
  checkNames(options, ['estimate'])
  const { source, settings } = frame
  const { mode, fallback, properties } = settings
  let estimate: RowEstimate | undefined
  const sent = {
    ...sentSettings(frame),
    onEvent: (event: { readonly kind: string; readonly estimate?: RowEstimate }) => {
      if (event.kind === 'estimate') estimate = event.estimate
    },
  }
  const columns = await fetchColumns(context, source, sent)
  const { mode: begins, reason } = await decideMode(context, source, sent)
  if (options.estimate === true) estimate ??= await estimateRows(context, source, sent)
  const { csl, parameters } = queryText(source)
  const maySwitch = mode === 'auto' && begins === 'single' && fallback === 'on-limit'
  const explanation = {
    mode,
    begins,
    reason: maySwitch ? `${reason}; an export if the service reports a limit` : reason,
    query: csl,
    parameters: Object.fromEntries([...parameters].map(([name, { literal }]) => [name, literal])),
    properties,
    exportCommand: begins === 'distributed' || maySwitch ? explainExport(source, columns, sent) : undefined,
    appliedHere: frame.applied.map((verb) => verbKql(verb).text),
    schema: schemaOf(frame, columns).fields.map((field) => ({
      name: field.name,
      type: kustoTypeOf(field),
      arrow: String(field.type),
    })),
    estimate,
  }
  return Object.defineProperty({ ...explanation }, 'toString', {
    value: () => formatExplanation(explanation),
    enumerable: false,
  })
}

function formatExplanation(explanation: Omit<ReadExplanation, 'toString'>): string {
  const { mode, begins, reason, query, parameters, properties, exportCommand, appliedHere, schema, estimate } =
    explanation
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ['mode', [mode === begins ? `${mode}: ${reason}` : `${mode}, begins as ${begins}: ${reason}`]],
    ['estimate', estimate === undefined ? [] : [describeEstimate(estimate)]],
    ['query', query.split('\n')],
    ['parameters', Object.entries(parameters).map(([name, value]) => `${name} = ${value}`)],
    ['properties', Object.entries(properties).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)],
    ['export', exportCommand === undefined ? [] : exportCommand.split('\n')],
    ['applied here', appliedHere],
    ['schema', schema.map(({ name, type, arrow }) => `${name}: ${type}, ${arrow}`)],
  ]
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => [title, ...lines.map((line) => `  ${line}`)].join('\n'))
    .join('\n')
}
