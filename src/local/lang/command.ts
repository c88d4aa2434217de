import type { Column, CommandAnalysis, CommandArgument, Diagnostic, SyntaxNode, TextSpan } from './syntax.ts'
import { child, firstToken } from './tree.ts'

const FORMS: ReadonlySet<string> = new Set([
  'CustomCommand',
  'PartialCommand',
  'CommandAndSkippedTokens',
  'UnknownCommand',
])

/** Labels that hold a whole query; its inside is not taken apart. */
const QUERY_LABELS: ReadonlySet<string> = new Set(['Query', 'QueryOrCommand'])

/** Labels that only name the grammar's own layers. */
const STRUCTURE_LABELS: ReadonlySet<string> = new Set(['DotToken', 'Custom', 'Command', 'Parts', 'Tokens'])

/** What a management command says, from the tree of the official parser. */
export function analyzeCommand(text: string, root: SyntaxNode, diagnostics: readonly Diagnostic[]): CommandAnalysis {
  const { statement, pipe } = unpipe(text, firstExpression(root))
  const form = FORMS.has(statement.kind) ? statement.kind : 'UnknownCommand'
  const custom = form === 'CommandAndSkippedTokens' ? (child(statement, 'Command') ?? statement) : statement
  const found: Found = { arguments: [], words: [], query: undefined }
  collect(text, custom, found)
  return {
    kind: 'command',
    form: form as CommandAnalysis['form'],
    name: custom.symbol?.kind === 'CommandSymbol' ? custom.symbol.name : undefined,
    arguments: found.arguments,
    words: found.words,
    resultColumns: resultColumns(custom),
    query: found.query ?? textAfter(text, custom),
    pipe,
    text,
    diagnostics,
  }
}

interface Found {
  readonly arguments: CommandArgument[]
  readonly words: string[]
  query: TextSpan | undefined
}

function firstExpression(root: SyntaxNode): SyntaxNode {
  const first = child(root, 'Statements')?.children[0]
  return (first === undefined ? undefined : child(first, 'Expression')) ?? root
}

function unpipe(text: string, expression: SyntaxNode): { statement: SyntaxNode; pipe: TextSpan | undefined } {
  let statement = expression
  let pipe: TextSpan | undefined
  while (statement.kind === 'PipeExpression') {
    const bar = child(statement, 'Bar')
    const inner = child(statement, 'Expression')
    if (bar === undefined || inner === undefined) break
    pipe = { start: bar.end, end: text.length }
    statement = inner
  }
  return { statement, pipe }
}

function collect(text: string, node: SyntaxNode, found: Found): void {
  for (const each of node.children) {
    const label = each.label
    if (label !== undefined && QUERY_LABELS.has(label)) {
      found.query = { start: each.start, end: each.end }
    } else if (
      label !== undefined &&
      !STRUCTURE_LABELS.has(label) &&
      each.kind !== 'List' &&
      each.kind !== 'CustomNode'
    ) {
      found.arguments.push({ label, value: argumentValue(text, each), start: each.start, end: each.end })
    } else if (each.kind === 'Token') {
      if (label !== 'DotToken' && each.text !== undefined && each.text !== '') found.words.push(each.text)
    } else {
      collect(text, each, found)
    }
  }
}

function argumentValue(text: string, node: SyntaxNode): string {
  if (node.name !== undefined) return node.name
  if (node.value !== undefined) return node.value
  const token = firstToken(node)
  if (node.kind === 'LiteralExpression' && token !== undefined) return token.value ?? token.text ?? ''
  return text.slice(node.start, node.end)
}

/** Inline data and queries the grammar does not model both follow `<|`. */
function textAfter(text: string, node: SyntaxNode): TextSpan | undefined {
  const arrow = findArrow(node)
  return arrow === undefined ? undefined : { start: arrow.end, end: text.length }
}

function findArrow(node: SyntaxNode): SyntaxNode | undefined {
  if (node.kind === 'Token') return node.text === '<|' ? node : undefined
  for (const each of node.children) {
    const found = findArrow(each)
    if (found !== undefined) return found
  }
  return undefined
}

function resultColumns(node: SyntaxNode): readonly Column[] | undefined {
  return node.columns !== undefined && node.columns.length > 0 ? node.columns : undefined
}
