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

/** Splits text into lines at `\n` or `\r\n`, many at a time; the last line needs no end. */
export async function* textLines(text: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let rest = ''
  for await (const piece of text) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_RECORD_BYTES) throw recordTooLarge()
    yield lines.map(withoutReturn)
  }
  if (rest !== '') yield [withoutReturn(rest)]
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}

/** Records of a file, many at a time: one turn of an asynchronous loop costs more than a record. */
export type RecordBatches = AsyncIterable<readonly (readonly string[])[]>

/**
 * Splits RFC 4180 text into records. Blank lines are skipped; a carriage return inside a bare field is data.
 * Text must have passed the scanner: quotes are balanced, and nothing follows a closing quote.
 */
export async function* delimitedRecords(
  text: AsyncIterable<string>,
  separator: string,
): AsyncGenerator<readonly (readonly string[])[]> {
  let rest = ''
  for await (const piece of text) {
    const { records, end } = wholeRecords(rest + piece, separator, false)
    rest = (rest + piece).slice(end)
    yield records
  }
  yield wholeRecords(rest, separator, true).records
}

interface WholeRecords {
  readonly records: readonly (readonly string[])[]
  /** Where the first record begins that the text does not hold whole. */
  readonly end: number
}

const QUOTE = 0x22
const LF = 0x0a
const CR = 0x0d

function wholeRecords(text: string, separator: string, isLast: boolean): WholeRecords {
  const comma = separator.charCodeAt(0)
  const records: (readonly string[])[] = []
  let record: string[] = []
  let recordStart = 0
  let at = 0
  for (;;) {
    if (at >= text.length && (!isLast || record.length === 0)) return { records, end: recordStart }
    const field = text.charCodeAt(at) === QUOTE ? quotedField(text, at) : bareField(text, at, comma)
    // A field at the end of the text may go on in the next piece, as may a line end of two characters.
    const isCut = field.next >= text.length || (text.charCodeAt(field.next) === CR && field.next + 1 >= text.length)
    if (isCut && !isLast) return { records, end: recordStart }
    record.push(field.value)
    at = field.next + 1
    if (text.charCodeAt(field.next) === comma) continue
    if (text.charCodeAt(field.next) === CR) at++
    if (record.length > 1 || field.value !== '' || field.quoted) records.push(record)
    record = []
    recordStart = at
  }
}

interface Field {
  readonly value: string
  readonly quoted: boolean
  /** Position of the separator or of the line end behind the field; the length of the text at its end. */
  readonly next: number
}

function bareField(text: string, start: number, comma: number): Field {
  let at = start
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === comma || code === LF) break
    // Only before a line feed does a carriage return end the line; at the end of the text it may be either.
    if (code === CR && text.charCodeAt(at + 1) === LF) break
  }
  return { value: text.slice(start, at), quoted: false, next: at }
}

function quotedField(text: string, start: number): Field {
  let value = ''
  let from = start + 1
  for (;;) {
    const quote = text.indexOf('"', from)
    if (quote < 0) return { value: value + text.slice(from), quoted: true, next: text.length }
    value += text.slice(from, quote)
    if (text.charCodeAt(quote + 1) !== QUOTE) return { value, quoted: true, next: quote + 1 }
    value += '"'
    from = quote + 2
  }
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
export async function* escapedRecords(text: AsyncIterable<string>): AsyncGenerator<readonly (readonly string[])[]> {
  for await (const lines of textLines(text)) {
    // A backslash before a line break would join lines; such a file is not written by anybody known.
    yield lines.filter((line) => line !== '').map((line) => line.split('\t').map(unescaped))
  }
}

function unescaped(field: string): string {
  return field.includes('\\') ? field.replaceAll(/\\([\s\S])/g, (_, char: string) => ESCAPES.get(char) ?? char) : field
}

export interface RewrittenFile {
  readonly records: number
  readonly longestRecord: number
}

/** Writes records as CSV with every field quoted, each cut or filled up to the same number of fields. */
export async function writeRecords(file: string, batches: RecordBatches, fields: number): Promise<RewrittenFile> {
  const target = await open(file, 'w')
  let count = 0
  let longest = 0
  try {
    for await (const batch of batches) {
      let text = ''
      for (const record of batch) {
        const before = text.length
        for (let index = 0; index < fields; index++) {
          const value = record[index] ?? ''
          text += index === 0 ? '"' : ',"'
          text += value.includes('"') ? value.replaceAll('"', '""') : value
          text += '"'
        }
        text += '\n'
        longest = Math.max(longest, text.length - before)
        if (text.length > CHUNK_BYTES) {
          await target.writeFile(text)
          text = ''
        }
      }
      count += batch.length
      await target.writeFile(text)
    }
  } finally {
    await target.close()
  }
  // In UTF-8 a UTF-16 unit takes three bytes at most.
  return { records: count, longestRecord: longest * 3 }
}
