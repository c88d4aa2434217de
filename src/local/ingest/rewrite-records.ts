import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { recordTooLarge, MAX_RECORD_BYTES } from './scan-delimited.ts'

/** Bytes read and written at once. */
const CHUNK_BYTES = 1024 * 1024

/** Reads a file in chunks. */
export function fileChunks(file: string): AsyncIterable<Buffer> {
  return createReadStream(file, { highWaterMark: CHUNK_BYTES })
}

/** Reads a file as text: without byte order mark, invalid bytes as U+FFFD. */
export async function* fileText(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8')
  for await (const chunk of fileChunks(file)) yield decoder.decode(chunk, { stream: true })
  yield decoder.decode()
}

/** Splits text into lines at `\n` or `\r\n`; the last line needs no end. */
export async function* textLines(text: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of text) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_RECORD_BYTES) throw recordTooLarge()
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line
  }
  if (rest !== '') yield rest.endsWith('\r') ? rest.slice(0, -1) : rest
}

/**
 * Splits RFC 4180 text into records. Blank lines are skipped; a carriage return inside a bare field is data.
 * Text must have passed the scanner: quotes are balanced, and nothing follows a closing quote.
 */
export async function* delimitedRecords(
  text: AsyncIterable<string>,
  separator: string,
): AsyncGenerator<readonly string[]> {
  let record: string[] = []
  let field = ''
  let state: 'start' | 'bare' | 'quoted' | 'closing' = 'start'
  let carriage = false
  for await (const piece of text) {
    for (const char of piece) {
      if (carriage) {
        carriage = false
        if (char !== '\n') {
          field += '\r'
          state = 'bare'
        }
      }
      if (state === 'quoted') {
        if (char === '"') state = 'closing'
        else field += char
      } else if (char === '"' && state !== 'bare') {
        if (state === 'closing') field += '"'
        state = 'quoted'
      } else if (char === separator) {
        record.push(field)
        field = ''
        state = 'start'
      } else if (char === '\n') {
        if (state !== 'start' || record.length > 0) yield [...record, field]
        record = []
        field = ''
        state = 'start'
      } else if (char === '\r') carriage = true
      else {
        field += char
        state = 'bare'
      }
    }
  }
  if (carriage) field += '\r'
  if (carriage || state !== 'start' || record.length > 0) yield [...record, field]
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['t', '\t'],
  ['n', '\n'],
  ['r', '\r'],
  ['0', '\0'],
  ['b', '\b'],
  ['f', '\f'],
])

/** Splits tab separated text with backslash escapes into records; blank lines are skipped. */
export async function* escapedRecords(text: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  for await (const line of textLines(text)) {
    if (line === '') continue
    // A backslash before a line break would join lines; such a file is not written by anybody known.
    yield line
      .split('\t')
      .map((field) => field.replaceAll(/\\([\s\S])/g, (_, char: string) => ESCAPES.get(char) ?? char))
  }
}

export interface RewrittenFile {
  readonly records: number
  readonly longestRecord: number
}

/** Writes records as CSV with every field quoted, each cut or filled up to the same number of fields. */
export async function writeRecords(
  file: string,
  records: AsyncIterable<readonly string[]>,
  fields: number,
): Promise<RewrittenFile> {
  const target = await open(file, 'w')
  let count = 0
  let longest = 0
  let buffered = ''
  try {
    for await (const record of records) {
      let line = ''
      for (let index = 0; index < fields; index++) {
        line += `${index === 0 ? '' : ','}"${(record[index] ?? '').replaceAll('"', '""')}"`
      }
      count++
      longest = Math.max(longest, line.length * 3)
      buffered += `${line}\n`
      if (buffered.length >= CHUNK_BYTES) {
        await target.writeFile(buffered)
        buffered = ''
      }
    }
    await target.writeFile(buffered)
  } finally {
    await target.close()
  }
  return { records: count, longestRecord: longest }
}
