import type { SyntaxNode } from './syntax.ts'

/** The child in the given role, if present. */
export function child(node: SyntaxNode, label: string): SyntaxNode | undefined {
  return node.children.find((each) => each.label === label)
}

/** The child in the given role. @throws {Error} when the tree does not have the shape of the official grammar. */
export function need(node: SyntaxNode, label: string): SyntaxNode {
  const found = child(node, label)
  if (found === undefined) throw new Error(`syntax node ${node.kind} has no ${label}`)
  return found
}

/** Elements of the list in the given role; none when the list is absent. */
export function elements(node: SyntaxNode, label: string): readonly SyntaxNode[] {
  return child(node, label)?.children ?? []
}

/** Whether every role present in the node is one of those named: what is not named would be ignored silently. */
export function unexpectedChild(node: SyntaxNode, known: readonly string[]): SyntaxNode | undefined {
  return node.children.find((each) => each.label === undefined || !known.includes(each.label))
}

/** Every node of the tree, parents first, expansions left out. */
export function* descendants(node: SyntaxNode): Generator<SyntaxNode> {
  yield node
  for (const each of node.children) yield* descendants(each)
}

/** The first token inside the node. */
export function firstToken(node: SyntaxNode): SyntaxNode | undefined {
  if (node.kind === 'Token') return node
  for (const each of node.children) {
    const found = firstToken(each)
    if (found !== undefined) return found
  }
  return undefined
}
