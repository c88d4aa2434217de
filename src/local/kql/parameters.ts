import type { SyntaxNode } from '../lang/syntax.ts'
import { elements, firstToken, need } from '../lang/tree.ts'
import { notSupported } from './sql.ts'

/** Hints only tell a cluster how to distribute the work. */
const HARMLESS: ReadonlySet<string> = new Set([
  'hint.strategy',
  'hint.shufflekey',
  'hint.num_partitions',
  'hint.remote',
  'hint.materialized',
  'hint.concurrency',
  'hint.spread',
  'hint.distribution',
  'hint.pass_filters',
  'hint.pass_filters_column',
  'hint.progressive_top',
])

/** Parameters of an operator (`kind=inner`), refused unless named in `known` or a harmless hint. */
export function operatorParameters(
  node: SyntaxNode,
  known: readonly string[],
  label = 'Parameters',
): ReadonlyMap<string, SyntaxNode> {
  const found = new Map<string, SyntaxNode>()
  for (const parameter of elements(node, label)) {
    const name = need(parameter, 'Name').name ?? ''
    const canonical = name.toLowerCase()
    if (known.includes(canonical)) found.set(canonical, need(parameter, 'Expression'))
    else if (!HARMLESS.has(canonical)) throw notSupported(`the parameter ${name}`)
  }
  return found
}

/** The word a parameter was given: `inner` in `kind=inner`. */
export function parameterWord(node: SyntaxNode | undefined): string | undefined {
  if (node === undefined) return undefined
  return node.name ?? node.value ?? firstToken(node)?.value ?? firstToken(node)?.text
}
