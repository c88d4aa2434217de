import type { SyntaxNode } from '../lang/syntax.ts'
import { need } from '../lang/tree.ts'
import { type Context, semanticError } from './context.ts'
import { translateMvApply, translateMvExpand } from './operators-expand.ts'
import { translateJoin, translateLookup } from './operators-join.ts'
import {
  onlyChildren,
  translateExtend,
  translatePrint,
  translateProject,
  translateRename,
  translateSelection,
  translateSerialize,
} from './operators-project.ts'
import {
  translateCount,
  translateDistinct,
  translateGetSchema,
  translateSort,
  translateTake,
  translateTop,
  translateWhere,
} from './operators-rows.ts'
import { translateSearch } from './operators-search.ts'
import { translateMakeSeries } from './operators-series.ts'
import { translateSample, translateSampleDistinct, translateTopHitters, translateTopNested } from './operators-top.ts'
import { translateScan } from './operators-scan.ts'
import {
  namedTable,
  translateDataTable,
  translateMaterialize,
  translateRange,
  translateTablePath,
} from './operators-source.ts'
import {
  translateAs,
  translateInvoke,
  translatePartition,
  translateRender,
  translateTableCall,
} from './operators-subquery.ts'
import { translateParse, translateParseKv } from './operators-parse.ts'
import { translateSummarize } from './operators-summarize.ts'
import { translateUnion } from './operators-union.ts'
import { patternTable } from './patterns.ts'
import { translateEvaluate } from './plugins.ts'
import type { Relation } from './relation.ts'
import { notSupported } from './sql.ts'

type Operator = (node: SyntaxNode, input: Relation, context: Context) => Relation
type Source = (node: SyntaxNode, context: Context) => Relation

/** Operators that work on a table; what is not listed is refused. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['AsOperator', translateAs],
  ['CountOperator', translateCount],
  ['DistinctOperator', translateDistinct],
  ['EvaluateOperator', translateEvaluate],
  ['ExtendOperator', translateExtend],
  ['FilterOperator', translateWhere],
  ['GetSchemaOperator', translateGetSchema],
  ['InvokeOperator', translateInvoke],
  ['JoinOperator', translateJoin],
  ['LookupOperator', translateLookup],
  ['MakeSeriesOperator', translateMakeSeries],
  ['MvApplyOperator', translateMvApply],
  ['MvExpandOperator', translateMvExpand],
  ['ParseKvOperator', translateParseKv],
  ['ParseOperator', translateParse],
  ['ParseWhereOperator', translateParse],
  ['PartitionOperator', translatePartition],
  ['ProjectOperator', translateProject],
  ['ProjectAwayOperator', translateSelection],
  ['ProjectByNamesOperator', translateSelection],
  ['ProjectKeepOperator', translateSelection],
  ['ProjectRenameOperator', translateRename],
  ['ProjectReorderOperator', translateSelection],
  ['RenderOperator', translateRender],
  ['SampleOperator', translateSample],
  ['SampleDistinctOperator', translateSampleDistinct],
  ['ScanOperator', translateScan],
  ['SearchOperator', translateSearch],
  ['SerializeOperator', translateSerialize],
  ['SortOperator', translateSort],
  ['SummarizeOperator', translateSummarize],
  ['TakeOperator', translateTake],
  ['TopOperator', translateTop],
  ['TopHittersOperator', translateTopHitters],
  ['TopNestedOperator', translateTopNested],
  ['UnionOperator', translateUnion],
])

const SOURCES: ReadonlyMap<string, Source> = new Map<string, Source>([
  ['DataTableExpression', translateDataTable],
  ['FunctionCallExpression', (node, context) => patternTable(node, context) ?? translateTableCall(node, context)],
  ['MaterializeExpression', translateMaterialize],
  ['NameReference', nameReference],
  ['ParenthesizedExpression', (node, context) => context.query.tabular(need(node, 'Expression'), context)],
  ['PathExpression', (node, context) => patternTable(node, context) ?? translateTablePath(node, context)],
  ['PrintOperator', translatePrint],
  ['RangeOperator', translateRange],
])

/** SQL of a tabular expression. */
export function translateTabular(node: SyntaxNode, context: Context): Relation {
  if (node.kind === 'PipeExpression') {
    onlyChildren(node, 'Expression', 'Bar', 'Operator')
    const input = translateTabular(need(node, 'Expression'), context)
    const { input: _, ...rest } = context
    return operate(need(node, 'Operator'), input, rest)
  }
  const source = SOURCES.get(node.kind)
  if (source !== undefined) return source(node, context)
  if (node.kind === 'UnionOperator' && context.input === undefined) return translateUnion(node, undefined, context)
  if (node.kind === 'SearchOperator' && context.input === undefined) return translateSearch(node, undefined, context)
  // The first operator of a subquery without a source works on the table around it.
  if (context.input !== undefined) {
    const { input, ...rest } = context
    return operate(node, input, rest)
  }
  if (OPERATORS.has(node.kind)) throw semanticError(`${node.kind} needs a table in front of it`)
  throw notSupported(node.kind)
}

function operate(node: SyntaxNode, input: Relation, context: Context): Relation {
  const operator = OPERATORS.get(node.kind)
  if (operator === undefined) throw notSupported(`the operator ${firstWord(node)}`)
  return operator(node, input, context)
}

function firstWord(node: SyntaxNode): string {
  const [first] = node.children
  return first?.text ?? node.kind
}

/** A function without parameters may be named without parentheses. */
function nameReference(node: SyntaxNode, context: Context): Relation {
  const binding = context.names.lookup(node.name ?? '')
  return binding?.kind === 'function' ? translateTableCall(node, context) : namedTable(node, context)
}
