/** The code blocks of the pages, and what makes a module of one. */

export interface Snippet {
  readonly page: string
  /** Of the first line of code, from 1. */
  readonly line: number
  readonly code: string
  /** Why it is compiled and not run; undefined for one that runs. */
  readonly compiledOnly: string | undefined
}

/** Why a snippet cannot run on an embedded Kusto. The words of the markers in the pages. */
export const REASONS: readonly string[] = [
  'needs a cluster',
  'needs an identity',
  'needs storage in Azure',
  'needs a subscription',
]

const MARKER = /<!-- compiled only: (.*?) -->/g
const BLOCK = /(?:<!-- compiled only: (.*?) -->\n+)?^```ts\n([\s\S]*?)^```$/gm

/** The blocks marked `ts`, in order. */
export function snippetsOf(page: string, text: string): readonly Snippet[] {
  return [...text.matchAll(BLOCK)].map((match) => ({
    page,
    line: text.slice(0, match.index + match[0].indexOf('```ts\n')).split('\n').length + 1,
    code: match[2] ?? '',
    compiledOnly: match[1],
  }))
}

/** Markers that stand before no block, or give no known reason. */
export function strayMarkers(page: string, text: string): readonly string[] {
  const used = snippetsOf(page, text).flatMap(({ compiledOnly }) => compiledOnly ?? [])
  const all = [...text.matchAll(MARKER)].map((match) => match[1] ?? '')
  return [
    ...all.filter((reason) => !REASONS.includes(reason)),
    ...(all.length === used.length ? [] : ['a marker before no block']),
  ].map((what) => `${page}: ${what}`)
}

export const moduleName = ({ page, line }: Snippet): string => `${page.replaceAll(/\W+/g, '-')}-line-${line}`

/** The snippet as a module: what the pages take as given is imported, but for names that it makes itself. Lines keep their numbers. */
export function moduleText({ code }: Snippet, given: readonly string[]): string {
  const own = new Set(declaredNames(code))
  const names = given.filter((name) => !own.has(name) && new RegExp(`\\b${name}\\b`).test(code))
  return `import { ${names.join(', ')} } from './prelude.js'; ${code}\nexport {}\n`
}

/** Names that the outermost level of a module declares or imports. */
function declaredNames(code: string): readonly string[] {
  const lists = [...code.matchAll(/^(?:import (?:type )?|const |let )\{([^}]*)\}/gm)].flatMap((match) =>
    (match[1] ?? '').split(',').map(
      (part) =>
        part
          .split(/ as |:/)
          .at(-1)
          ?.trim() ?? '',
    ),
  )
  const plain = [
    ...code.matchAll(/^(?:const|let|await using|using|function|async function|class|import \* as) (\w+)/gm),
  ]
  return [...lists, ...plain.map((match) => match[1] ?? '')]
}

/** The names that a module exports by `export const` and `export function`, and those it passes on. */
export function exportsOf(text: string): readonly string[] {
  const declared = [...text.matchAll(/^export (?:async )?(?:const|function\*?) (\w+)/gm)].map((match) => match[1] ?? '')
  const passed = [...text.matchAll(/^export \{([^}]*)\}/gm)].flatMap((match) =>
    (match[1] ?? '').split(',').map((name) => name.trim()),
  )
  return [...declared, ...passed].filter((name) => name !== '')
}
