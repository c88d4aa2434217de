import type { RecordBatch, Schema } from 'apache-arrow'
import type { CliCall } from './cli-command.ts'
import { columnTexts, describeColumn } from './cell-text.ts'
import type { CellKind } from './cell-text.ts'
import { formatRows } from './quantities.ts'
import { terminalTable } from './terminal-table.ts'
import type { TableCell } from './terminal-table.ts'

export interface ShownRows {
  readonly schema: Schema
  readonly batches: Iterable<RecordBatch>
  /** Rows shown at most. */
  readonly most: number
  /** Said below the table in place of the number of rows when there are more. */
  readonly more?: string
}

/** Rows as a table for people, with types and the number of rows. */
export function showRows({ schema, batches, most, more }: ShownRows, { io, screen }: CliCall): string {
  const rows: TableCell[][] = []
  let total = 0
  for (const batch of batches) {
    const columns = columnTexts(batch)
    for (let row = 0; row < batch.numRows && rows.length < most; row++) {
      rows.push(columns.map(({ at, kind }) => shortened(at(row), kind)))
    }
    total += batch.numRows
  }
  const table = terminalTable(
    schema.fields.map((field) => {
      const { name, type, kind } = describeColumn(field)
      const isRight = kind === 'number' || type === 'decimal' || type === 'timespan'
      return {
        name,
        type,
        align: isRight ? 'right' : 'left',
        isWhole: isRight || kind === 'bool' || type === 'datetime',
      }
    }),
    rows,
    { paint: screen.paint, ...(io.stdout.isTTY === true ? { width: io.stdout.columns ?? 80 } : {}) },
  )
  const count =
    total > rows.length ? `${formatRows(rows.length)} shown${more ?? `, of ${formatRows(total)}`}` : formatRows(total)
  return `${table}${screen.paint.dim(count)}\n`
}

/** Zeros at the end of a time's fraction tell nothing. */
function shortened(text: string | null, kind: CellKind): string | null {
  if (text === null || kind !== 'text') return text
  return text.replace(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.0{7}|(\.\d*?)0*)Z$/, '$1$2Z')
}
