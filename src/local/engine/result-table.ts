import type { Cell, Column } from '../lang/syntax.ts'

/** A small result held in memory, as commands give it. */
export interface ResultTable {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Cell[])[]
}
