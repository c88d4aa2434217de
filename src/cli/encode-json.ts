import type { RecordBatch } from 'apache-arrow'
import { columnTexts } from './cell-text.ts'
import type { ColumnText } from './cell-text.ts'

/** Rows of JSON text that go to the sink in one piece. */
const ROWS_AT_ONCE = 4096

/** One array with an object a line, also when there are no rows. */
export async function* encodeJson(batches: AsyncIterable<RecordBatch>): AsyncGenerator<Uint8Array> {
  let isFirst = true
  for await (const lines of objectLines(batches)) {
    yield Buffer.from(`${isFirst ? '[\n' : ',\n'}${lines.map((line) => `  ${line}`).join(',\n')}`)
    isFirst = false
  }
  yield Buffer.from(isFirst ? '[]\n' : '\n]\n')
}

/** An object a line. */
export async function* encodeNdjson(batches: AsyncIterable<RecordBatch>): AsyncGenerator<Uint8Array> {
  for await (const lines of objectLines(batches)) yield Buffer.from(`${lines.join('\n')}\n`)
}

async function* objectLines(batches: AsyncIterable<RecordBatch>): AsyncGenerator<readonly string[]> {
  for await (const batch of batches) {
    const columns = columnTexts(batch)
    const keys = columns.map(({ name }, index) => `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`)
    for (let start = 0; start < batch.numRows; start += ROWS_AT_ONCE) {
      const rows = Math.min(ROWS_AT_ONCE, batch.numRows - start)
      yield Array.from({ length: rows }, (_, index) => {
        let line = ''
        for (const [at, column] of columns.entries()) line += (keys[at] ?? '') + jsonCell(column, start + index)
        return `${line}}`
      })
    }
  }
}

/** Numbers keep all their digits; what JSON has no number for is a string; dynamic values stand as they are, on one line. */
function jsonCell({ kind, at }: ColumnText, row: number): string {
  const text = at(row)
  if (text === null) return 'null'
  if (kind === 'text') return JSON.stringify(text)
  if (kind === 'number') return /^-?\d/.test(text) ? text : JSON.stringify(text)
  // In JSON a raw line break is only ever between two tokens.
  return kind === 'json' ? text.replaceAll(/[\r\n]+[ \t\r\n]*/g, '') : text
}
