import { isUtf8 } from 'node:buffer'
import { LocalError } from '../server/local-error.ts'

/** What one pass over a delimited file finds. */
export interface DelimitedScan {
  /** Records, blank lines not counted. */
  readonly records: number
  /** Fields of the first record. */
  readonly fields: number
  /** Most fields of any record. */
  readonly mostFields: number
  /** The first record with another number of fields; records count from 1. */
  readonly ragged: { readonly record: number; readonly fields: number } | undefined
  /** Bytes of the longest record. */
  readonly longestRecord: number
  /** Whether DuckDB's reader and Kusto's rules read these bytes alike. When not, they must be rewritten first. */
  readonly plain: boolean
}

const QUOTE = 0x22
const CR = 0x0d
const LF = 0x0a
const BLANK = 0x20
const BLANK_TAB = 0x09

// States of the scanner: at the start of a field, in a bare field, in a quoted field, after a quote in a quoted field.
const START = 0
const BARE = 1
const QUOTED = 2
const CLOSING = 3

/** Largest value or record that ingestion takes, in bytes. */
export const MAX_RECORD_BYTES: number = 64 * 1024 * 1024

/**
 * Counts the records and fields of an RFC 4180 file with the given separator, chunk by chunk.
 *
 * A field is quoted only when the quote is its very first character; a quote inside a bare field is data.
 *
 * @throws {LocalError} Stream_ClosingQuoteMissing, BadRequest_UnexpectedCharacterInInputStream or Stream_InputStreamTooLarge
 */
export async function scanDelimited(chunks: AsyncIterable<Buffer>, separator: string): Promise<DelimitedScan> {
  const comma = separator.charCodeAt(0)
  let state = START
  let fields = 1
  let records = 0
  let first = 0
  let most = 0
  let ragged: DelimitedScan['ragged']
  let plain = true
  let recordBytes = 0
  let longest = 0
  let sawCrLf = false
  let lastCr = false
  let atStart = true
  let utf8Rest: Buffer = Buffer.alloc(0)

  const endRecord = (): void => {
    // A line without any character is no record.
    if (state === START && fields === 1) plain &&= records > 0 && first > 1
    else {
      records++
      if (records === 1) first = fields
      else if (fields !== first) ragged ??= { record: records, fields }
      if (fields > most) most = fields
    }
    if (recordBytes > longest) longest = recordBytes
    state = START
    fields = 1
    recordBytes = 0
  }

  for await (const chunk of chunks) {
    let from = 0
    if (atStart) {
      atStart = false
      if (chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf) from = 3
    }
    if (plain) {
      utf8Rest = utf8Tail(utf8Rest.length === 0 ? chunk : Buffer.concat([utf8Rest, chunk]), () => (plain = false))
    }
    for (let index = from; index < chunk.length; index++) {
      const byte = chunk[index]
      if (lastCr) {
        lastCr = false
        if (byte === LF) {
          sawCrLf = true
          endRecord()
          continue
        }
        // A carriage return alone is data, which DuckDB would take for the end of a line.
        plain = false
        if (state === CLOSING) throw afterQuote(records + 1)
        state = BARE
      }
      recordBytes++
      if (state === QUOTED) {
        if (byte === QUOTE) state = CLOSING
        continue
      }
      if (byte === LF) {
        endRecord()
      } else if (byte === CR) lastCr = true
      else if (byte === comma) {
        fields++
        state = START
      } else if (byte === QUOTE) {
        if (state === BARE) plain = false
        state = state === START || state === CLOSING ? QUOTED : BARE
      } else {
        if (state === CLOSING) throw afterQuote(records + 1)
        // DuckDB forgives blanks before a quote; Kusto does not.
        if (state === START && (byte === BLANK || byte === BLANK_TAB))
          plain &&= chunk[index + 1] !== QUOTE && index + 1 < chunk.length && chunk[index + 1] !== BLANK
        state = BARE
      }
    }
    if (recordBytes > MAX_RECORD_BYTES) throw recordTooLarge()
  }
  if (lastCr) {
    plain = false
    state = BARE
  }
  if (state === QUOTED) {
    throw new LocalError('Stream_ClosingQuoteMissing', `record ${records + 1} has a quote that is not closed`)
  }
  if (recordBytes > 0) endRecord()
  // DuckDB 1.5 reads `\r\n` wrong when it is told to, and guesses wrong when it is not.
  if (sawCrLf) plain = false
  if (utf8Rest.length > 0) plain = false
  return {
    records,
    fields: first,
    mostFields: most,
    ragged,
    longestRecord: longest,
    plain: plain && ragged === undefined,
  }
}

function afterQuote(record: number): LocalError {
  return new LocalError(
    'BadRequest_UnexpectedCharacterInInputStream',
    `record ${record} has text between a closing quote and the separator`,
  )
}

export function recordTooLarge(): LocalError {
  return new LocalError('Stream_InputStreamTooLarge', 'a record is larger than 64 MB')
}

/** Checks whole characters and gives back the bytes of an unfinished one at the end. */
function utf8Tail(bytes: Buffer, invalid: () => void): Buffer {
  let end = bytes.length
  // At most three bytes of a character can be waiting for their last.
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) break
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      if (needed > back) end = bytes.length - back
      break
    }
  }
  if (!isUtf8(bytes.subarray(0, end))) invalid()
  return Buffer.from(bytes.subarray(end))
}
