import { append, formatJson, type Json } from './json.ts'
import { udf, type Udf } from './udf-definition.ts'

export const XML_UDFS: readonly Udf[] = [
  udf('k_parse_xml', ['text'], 'text', (text) => {
    const root = parseXml(text)
    return root ? formatJson(new Map([[root.name, elementValue(root)]])) : null
  }),
]

interface Element {
  readonly name: string
  readonly attributes: readonly (readonly [string, string])[]
  readonly children: Element[]
  text: string
}

/** Longest input Kusto converts, in characters. */
const MAX_INPUT = 1_048_576
const MAX_DEPTH = 256
const NAME = '[A-Za-z_:][\\w:.-]*'
const MARKUP = new RegExp(
  `<!--[\\s\\S]*?-->|<!\\[CDATA\\[([\\s\\S]*?)\\]\\]>|<\\?[\\s\\S]*?\\?>|<!DOCTYPE[^>[]*>|</(${NAME})\\s*>|<(${NAME})((?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(/?)>|[^<]+|<`,
  'g',
)
const ATTRIBUTE = new RegExp(`(${NAME})\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, 'g')
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
])

/** The root element of a well-formed document; undefined when it is not one. */
function parseXml(text: string): Element | undefined {
  if (text.length > MAX_INPUT) return undefined
  const top: Element = { name: '', attributes: [], children: [], text: '' }
  const open: Element[] = [top]
  for (const [whole, cdata, closed, opened, attributes = '', selfClosed] of text.matchAll(MARKUP)) {
    const current = open.at(-1)
    if (!current || open.length > MAX_DEPTH || whole === '<') return undefined
    if (opened !== undefined) {
      const element: Element = { name: opened, attributes: attributesOf(attributes), children: [], text: '' }
      current.children.push(element)
      if (selfClosed !== '/') open.push(element)
    } else if (closed !== undefined) {
      if (current.name !== closed || open.length === 1) return undefined
      open.pop()
    } else if (cdata !== undefined) current.text += cdata
    else if (!whole.startsWith('<')) current.text += decodeEntities(whole)
  }
  const [root] = top.children
  return open.length === 1 && top.children.length === 1 && top.text.trim() === '' ? root : undefined
}

function attributesOf(text: string): readonly (readonly [string, string])[] {
  return [...text.matchAll(ATTRIBUTE)].map(
    ([, name = '', double, single]) => [name, decodeEntities(double ?? single ?? '')] as const,
  )
}

function decodeEntities(text: string): string {
  return text.replace(/&(#\d+|#x[0-9a-fA-F]+|\w+);/g, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES.get(name) ?? whole
    const point = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole
  })
}

/** Null for an empty element, its text when it has nothing else, otherwise a bag; elements of one name make an array. */
function elementValue({ attributes, children, text }: Element): Json {
  const trimmed = text.trim()
  if (attributes.length === 0 && children.length === 0) return trimmed === '' ? null : trimmed
  const bag = new Map<string, Json>(attributes.map(([name, value]) => [`@${name}`, value]))
  if (trimmed !== '') bag.set('#text', trimmed)
  const groups = new Map<string, Json[]>()
  for (const child of children) append(groups, child.name, elementValue(child))
  for (const [name, values] of groups) bag.set(name, values.length === 1 ? (values[0] ?? null) : values)
  return bag
}
