/*
 * HOT: once per cell of a text column that goes to a column which is no text. The service makes null of text that it cannot
 * parse, in silence, so every cell is looked at first; that of a guid, which is how guids are read, without a string.
 * Bench: bench/csv.bench.ts.
 */
import { checkText } from '../row-values.ts'
import type { ScalarName } from '../scalar-types.ts'
import type { CellKernel } from './cell-kernel.ts'
import { checkedCells } from './integer-cells.ts'
import { type SpanSource, textSpans } from './text-spans.ts'

/** 1 for each hexadecimal digit. */
const HEX: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[0-9a-f]/i.test(String.fromCharCode(byte)) ? 1 : 0,
)
const HYPHEN = 45

/** Whether text for a column of this type may be no value of it. */
export function isCheckedText(target: ScalarName): boolean {
  return target !== 'string' && target !== 'dynamic'
}

/** The kernel of text cells, each of which is a value of the type, in a form that the service parses. */
export function checkedTextCells(kernel: CellKernel, source: SpanSource, target: ScalarName): CellKernel {
  const spans = textSpans()
  return checkedCells(kernel, (block) => {
    source(spans, block)
    const { src, offsets, rows } = spans
    for (let index = 0; index < block.count; index++) {
      const start = offsets[rows[index]!]!
      const end = offsets[rows[index]! + 1]!
      if (target === 'guid' && isGuid(src, start, end)) continue
      // Anything but ASCII is refused, whatever it is.
      checkText(Buffer.from(src.buffer, src.byteOffset + start, end - start).toString('latin1'), target)
    }
  })
}

/** Whether the text is a guid in its usual form. */
function isGuid(src: Uint8Array, start: number, end: number): boolean {
  if (end - start !== 36) return false
  let digits = 0
  for (let index = start; index < end; index++) digits += HEX[src[index]!]!
  const hyphens = src[start + 8] === HYPHEN && src[start + 13] === HYPHEN
  return digits === 32 && hyphens && src[start + 18] === HYPHEN && src[start + 23] === HYPHEN
}
