import { LocalError } from '../server/local-error.ts'
import { fileText, textLines } from './rewrite-records.ts'

/** Records of a JSON Lines file as JSON text. Lines that hold no JSON object are skipped, as the service does. */
export async function* jsonLines(file: string): AsyncGenerator<readonly (readonly string[])[]> {
  for await (const lines of textLines(fileText(file))) {
    yield lines.flatMap((line) => {
      const record = asObject(line)
      return record === undefined ? [] : [[record]]
    })
  }
}

/**
 * Records of a file with an array of objects, or objects one after another, over any number of lines.
 *
 * @throws {LocalError} BadRequest_InvalidBlob when anything in it is not an object
 */
export async function* multiJson(file: string): AsyncGenerator<readonly (readonly string[])[]> {
  let text = ''
  for await (const piece of fileText(file)) text += piece
  for (const record of topLevelObjects(text)) yield [[record]]
}

function* topLevelObjects(text: string): Generator<string> {
  let depth = 0
  let start = 0
  let quote = ''
  let inArray = false
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? ''
    if (quote !== '') {
      if (char === '\\') index++
      else if (char === quote) quote = ''
    } else if (char === '/' && (text[index + 1] === '/' || text[index + 1] === '*')) {
      index = endOfComment(text, index) - 1
    } else if (depth === 0) {
      if (char === '{') {
        depth = 1
        start = index
      } else if (char === '[' && !inArray) inArray = true
      else if (char === ']' && inArray) inArray = false
      else if (!/[\s,]/.test(char) || (char === ',' && !inArray))
        throw invalid(`unexpected '${char}' at position ${index}`)
    } else if (char === '"' || char === "'") quote = char
    else if (char === '{' || char === '[') depth++
    else if ((char === '}' || char === ']') && --depth === 0) {
      const record = asObject(text.slice(start, index + 1))
      if (record === undefined) throw invalid(`no JSON object at position ${start}`)
      yield record
    }
  }
  if (depth > 0 || inArray || quote !== '') throw invalid('it ends inside a value')
}

function invalid(reason: string): LocalError {
  return new LocalError('BadRequest_InvalidBlob', `the multijson data is not valid: ${reason}`)
}

/** JSON text of an object; comments and single-quoted names are accepted and made plain. */
function asObject(text: string): string | undefined {
  if (!/^\s*[{/]/.test(text)) return undefined
  if (isObject(text)) return wellFormed(text)
  const plain = withoutExtensions(text)
  return isObject(plain) ? wellFormed(plain) : undefined
}

/** An escaped half of a character without its other half has no UTF-8: it becomes U+FFFD, as bytes that are none do. */
function wellFormed(json: string): string {
  if (!/\\u[dD][89a-fA-F]/.test(json)) return json
  return json.replaceAll(ESCAPE, (escape) => (LONE_HALF.test(escape) ? String.raw`\ufffd` : escape))
}

const ESCAPE = /\\(?:u[dD][89abAB][\dA-Fa-f]{2}\\u[dD][c-fC-F][\dA-Fa-f]{2}|u[\dA-Fa-f]{4}|[^u])/g
const LONE_HALF = /^\\u[dD][89a-fA-F][\dA-Fa-f]{2}$/

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

/** Cuts comments out and turns single-quoted texts into double-quoted ones. */
function withoutExtensions(text: string): string {
  let out = ''
  for (let index = 0; index < text.length;) {
    const char = text[index] ?? ''
    if (char === '/' && (text[index + 1] === '/' || text[index + 1] === '*')) {
      index = endOfComment(text, index)
    } else if (char === '"' || char === "'") {
      const end = endOfString(text, index)
      const inner = text.slice(index + 1, end - 1)
      out +=
        char === '"'
          ? text.slice(index, end)
          : `"${inner.replaceAll(String.raw`\'`, "'").replaceAll(/(?<!\\)"/g, String.raw`\"`)}"`
      index = end
    } else {
      out += char
      index++
    }
  }
  return out
}

function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    if (text[index] === '\\') index++
    else if (text[index] === text[start]) return index + 1
  }
  return text.length
}

function endOfComment(text: string, start: number): number {
  const end = text[start + 1] === '/' ? text.indexOf('\n', start) : text.indexOf('*/', start + 2)
  if (end < 0) return text.length
  return text[start + 1] === '/' ? end : end + 2
}
