import { type DecodeSettings, TableDecoder } from '../arrow/decode-table.ts'
import { ByteWindow } from '../arrow/kernels/byte-window.ts'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { JsonReader, MORE, type RawValue } from './json-reader.ts'
import { malformed } from './response-columns.ts'
import type { ResponseEvent } from './response-events.ts'
import { RowsReader } from './rows-reader.ts'

/** What a primary result is called and holds. */
export interface PrimaryTableHead {
  readonly id: number
  readonly kind: string
  readonly name: string
  readonly columns: readonly KustoColumn[]
}

/** One primary result on its way from rows to events. */
export class PrimaryTable {
  readonly id: number
  readonly #decoder: TableDecoder
  readonly #emit: (event: ResponseEvent) => void

  constructor(head: PrimaryTableHead, settings: DecodeSettings, emit: (event: ResponseEvent) => void) {
    this.id = head.id
    this.#decoder = new TableDecoder(head.columns, settings)
    this.#emit = emit
    const { schema } = this.#decoder
    emit({ kind: 'table', id: head.id, tableKind: head.kind, name: head.name, columns: head.columns, schema })
  }

  /** Rows so far, those in no batch yet included. */
  get rows(): number {
    return this.#decoder.rows
  }

  /** A reader for one array of rows of this table. */
  rowsReader(json: JsonReader, path: string): RowsReader {
    return new RowsReader(json, this.#decoder, path)
  }

  /** Reads an array of rows that was kept because it came before what describes it. */
  readRaw(raw: RawValue, path: string): void {
    const reader = this.rowsReader(new JsonReader(ByteWindow.over(raw.bytes, raw.offset)), path)
    for (;;) {
      const step = reader.step()
      if (step === 'end') return
      if (step === MORE) throw malformed('expected an array of rows', path)
      this.emitBatch()
    }
  }

  emitBatch(): void {
    const batch = this.#decoder.takeBatch()
    if (batch !== undefined) this.#emit({ kind: 'batch', id: this.id, batch })
  }

  /** Voids the rows so far: the service sends them anew. */
  replace(): void {
    this.#decoder.reset()
    this.#emit({ kind: 'table-reset', id: this.id })
  }

  end(): void {
    const { rows, lostTicks } = this.#decoder
    this.emitBatch()
    this.#emit({ kind: 'table-end', id: this.id, rows, lostTicks })
  }
}
