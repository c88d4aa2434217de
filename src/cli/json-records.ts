import type { Cell, Records } from './typed-batches.ts'
import { usageError } from './usage-error.ts'

const ROWS_AT_ONCE = 4096

/** One object a line; empty lines do not count. @throws {KustoUsageError} CLI_USAGE naming a line that is no object */
export async function* lineRecords(source: AsyncIterable<Uint8Array>): AsyncGenerator<Records> {
  const decoder = new TextDecoder('utf-8')
  let rest = ''
  let number = 0
  let rows: Readonly<Record<string, Cell>>[] = []
  const take = function* (lines: readonly string[]): Generator<Records> {
    for (const line of lines) {
      number++
      if (line.trim() === '') continue
      rows.push(objectOf(line, `line ${number}`))
      if (rows.length < ROWS_AT_ONCE) continue
      yield recordsOf(rows)
      rows = []
    }
  }
  for await (const part of source) {
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* take(lines)
  }
  yield* take([rest + decoder.decode()])
  if (rows.length > 0) yield recordsOf(rows)
}

/**
 * An array of objects, or one object; held in memory as a whole.
 * @throws {KustoUsageError} CLI_USAGE for anything else
 */
export async function* arrayRecords(source: AsyncIterable<Uint8Array>): AsyncGenerator<Records> {
  const parts: Uint8Array[] = []
  for await (const part of source) parts.push(part)
  const value = parsed(Buffer.concat(parts).toString('utf8'), 'the file')
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  for (let start = 0; start < items.length; start += ROWS_AT_ONCE) {
    const rows = items
      .slice(start, start + ROWS_AT_ONCE)
      .map((item, index) => cellsOf(item, `element ${start + index}`))
    yield recordsOf(rows)
  }
}

/** JSON text with whole numbers beyond 2^53 as bigints. */
function parsed(text: string, where: string): unknown {
  try {
    // A number that a double would round is marked, so that the reviver makes a bigint of it.
    const exact = /\d{16}/.test(text)
      ? text.replaceAll(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
          /^-?\d{16,}$/.test(token) ? `"\\u0000${token}"` : token,
        )
      : text
    return JSON.parse(exact.replace(/^\uFEFF/, ''), (_key, value: unknown) => wholeNumber(value) ?? value)
  } catch (cause) {
    throw usageError(`${where}: expected JSON, found ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

/** The bigint that a marked text stands for; undefined for any other value. */
function wholeNumber(value: unknown): bigint | undefined {
  const isMarked = typeof value === 'string' && value.startsWith('\u0000') && /^-?\d{16,}$/.test(value.slice(1))
  return isMarked ? BigInt(value.slice(1)) : undefined
}

function objectOf(text: string, where: string): Readonly<Record<string, Cell>> {
  return cellsOf(parsed(text, where), where)
}

function cellsOf(value: unknown, where: string): Readonly<Record<string, Cell>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, Cell>
  throw usageError(
    `${where}: expected an object, found ${Array.isArray(value) ? 'an array' : value === null ? 'null' : typeof value}`,
  )
}

function recordsOf(objects: readonly Readonly<Record<string, Cell>>[]): Records {
  const names = new Set<string>()
  for (const object of objects) for (const name of Object.keys(object)) names.add(name)
  const list = [...names]
  return {
    names: list,
    rows: objects.map((object) => list.map((name) => (Object.hasOwn(object, name) ? (object[name] ?? null) : null))),
  }
}
