import type { Paint } from './ansi.ts'
import { cutToWidth, padToWidth, textWidth, visible } from './text-width.ts'

export interface TableColumn {
  readonly name: string
  /** Below the name; left out when no column has one. */
  readonly type?: string
  readonly align?: 'left' | 'right'
  /** Shown whole or not at all: half a number or a time tells nothing. */
  readonly isWhole?: boolean
}

/** A cell: null is shown as `null`, dimmed. */
export type TableCell = string | null

export interface TableOptions {
  /** Cells of the terminal's line; default no limit. */
  readonly width?: number
  readonly paint: Paint
}

/** Cells a column of text keeps when the table is too wide for the terminal. */
const MIN_WIDTH = 12
/** Between two columns. */
const GAP = 2
/** One value does not take more than this of an unlimited line. */
const MAX_CELL = 200

/** A text without a single character that could move the cursor, drawn as a table; ends with a line break. */
export function terminalTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly TableCell[])[],
  { width = Infinity, paint }: TableOptions,
): string {
  const heads = columns.map(({ name, type }) => ({ name: visible(name), type: type ?? '' }))
  const cells = rows.map((row) => columns.map((_, index) => cellText(row[index] ?? null)))
  const wanted = columns.map((_, index) =>
    Math.min(
      MAX_CELL,
      Math.max(
        textWidth(heads[index]?.name ?? ''),
        textWidth(heads[index]?.type ?? ''),
        ...cells.map((row) => textWidth(row[index] ?? '')),
      ),
    ),
  )
  const least = wanted.map((want, index) => (columns[index]?.isWhole === true ? want : Math.min(want, MIN_WIDTH)))
  const blocks = fitBlocks({ wanted, least }, width)
  const hasTypes = columns.some(({ type }) => type !== undefined)
  const drawn = blocks.map((block) => {
    const line = (texts: readonly string[], decorate: (text: string, index: number) => string): string =>
      block
        .map(({ index, cellWidth }, at) => {
          const text = cutToWidth(texts[index] ?? '', cellWidth)
          const align = columns[index]?.align ?? 'left'
          // Nothing is padded behind the last column, so that lines do not end with blanks.
          const padded = at === block.length - 1 && align === 'left' ? text : padToWidth(text, cellWidth, align)
          return decorate(padded, index)
        })
        .join(' '.repeat(GAP))
        .trimEnd()
    const names = line(
      heads.map(({ name }) => name),
      (text) => paint.bold(text),
    )
    const types = line(
      heads.map(({ type }) => type),
      (text) => paint.dim(text),
    )
    const rule = block.map(({ cellWidth }) => '─'.repeat(cellWidth)).join(' '.repeat(GAP))
    const body = cells.map((row, at) =>
      line(row, (text, index) => ((rows[at]?.[index] ?? null) === null ? paint.dim(text) : text)),
    )
    return [names, ...(hasTypes ? [types] : []), paint.dim(rule), ...body].join('\n')
  })
  return drawn.length === 0 ? '' : `${drawn.join('\n\n')}\n`
}

interface FittedColumn {
  readonly index: number
  readonly cellWidth: number
}

interface Widths {
  readonly wanted: readonly number[]
  readonly least: readonly number[]
}

/**
 * The columns side by side as far as they fit: wide texts give way first, down to their least. What then does not fit goes
 * into a further block below.
 */
function fitBlocks({ wanted, least }: Widths, width: number): readonly (readonly FittedColumn[])[] {
  const blocks: number[][] = []
  let block: number[] = []
  for (const index of wanted.keys()) {
    const needed = [...block, index].reduce((sum, at) => sum + (least[at] ?? 0) + GAP, -GAP)
    if (block.length > 0 && needed > width) {
      blocks.push(block)
      block = []
    }
    block.push(index)
  }
  if (block.length > 0) blocks.push(block)
  return blocks.map((members) => {
    const room = width - GAP * (members.length - 1)
    const of = (widths: readonly number[]): readonly number[] => members.map((index) => widths[index] ?? 0)
    const fitted = shrink({ wanted: of(wanted), least: of(least) }, room)
    return members.map((index, at) => ({ index, cellWidth: fitted[at] ?? 0 }))
  })
}

/** Takes a cell from the widest that can give one, until all fit; a column that is alone and too wide is cut all the same. */
function shrink({ wanted, least }: Widths, room: number): readonly number[] {
  const widths = [...wanted]
  for (let over = widths.reduce((sum, width) => sum + width, 0) - room; over > 0; over--) {
    const giving = widths.map((width, index) => (width > (least[index] ?? 0) ? width : 0))
    const widest = Math.max(...giving)
    if (widest === 0) break
    const at = giving.indexOf(widest)
    widths[at] = widest - 1
  }
  const only = widths.length === 1 ? Math.min(widths[0] ?? 0, Math.max(1, room)) : undefined
  return only === undefined ? widths : [only]
}

function cellText(cell: TableCell): string {
  return cell === null ? 'null' : visible(cell)
}
