import type { DecodeSettings } from '../arrow/decode-table.ts'
import { KustoProtocolError, KustoServiceError } from '../errors.ts'
import { type ArrayNames, ArrayReader } from './array-reader.ts'
import { type JsonReader, MORE, parseRaw, type RawValue } from './json-reader.ts'
import { ObjectReader } from './object-reader.ts'
import { PrimaryTable } from './primary-table.ts'
import { malformed, parseColumnNames, parseColumns } from './response-columns.ts'
import type { ResponseEvent } from './response-events.ts'
import { failureInside, failureOf, throwFailureInside, throwFailures } from './response-failure.ts'
import type { RowsReader } from './rows-reader.ts'
import { readCompletion, readProperties, secondaryRows, type SecondaryTable } from './secondary-table.ts'

/** A table that is not a primary result; kinds nobody reads have no `content`. */
interface OtherTable {
  readonly kind: string
  readonly content: { readonly columns: readonly string[]; rows: readonly (readonly unknown[])[] } | undefined
}

const STREAMED: ReadonlySet<string> = new Set(['Rows'])
const FRAMES: ArrayNames = {
  path: 'frames[0]',
  expected: 'expected an array of frames',
  elementPath: 'frames',
  expectedElement: 'expected a frame',
}
const READ_KINDS: ReadonlySet<string> = new Set(['QueryCompletionInformation', 'QueryProperties'])
const TABLE_FIELDS = ['FrameType', 'TableId', 'TableKind', 'TableName', 'Columns'] as const
const FRAGMENT_FIELDS = ['FrameType', 'TableId', 'TableFragmentType'] as const

/**
 * Reads a V2 body: an array of frames, in one line or many.
 *
 *     DataSetHeader                        first
 *     DataTable                            TableId, TableKind, TableName, Columns, Rows
 *     TableHeader                          opens a table in pieces: TableId, TableKind, TableName, Columns
 *     TableFragment                        TableId, TableFragmentType DataAppend | DataReplace, Rows
 *     TableProgress                        TableId, TableProgress 0-100
 *     TableCompletion                      TableId, RowCount, OneApiErrors?
 *     DataSetCompletion                    last: HasErrors, Cancelled, OneApiErrors?
 *
 * The properties of a frame may come in any order; rows that come before what describes them are kept, up to a limit.
 * Frames and tables of unknown kind are passed over.
 */
export class V2Reader {
  readonly #json: JsonReader
  readonly #settings: DecodeSettings
  readonly #emit: (event: ResponseEvent) => void
  readonly #tables = new Map<number, PrimaryTable | OtherTable>()
  readonly #failures: KustoServiceError[] = []
  readonly #frames: ArrayReader
  #state: 'frames' | 'frame' | 'rows' | 'raw' | 'skip' | 'done' = 'frames'
  #frame: ObjectReader
  /** The table whose rows this frame brings, once they were read. */
  #frameTable: PrimaryTable | OtherTable | undefined
  #frameRows: RawValue | undefined
  #rows: RowsReader | undefined
  #isComplete = false

  constructor(json: JsonReader, settings: DecodeSettings, emit: (event: ResponseEvent) => void) {
    this.#json = json
    this.#settings = settings
    this.#emit = emit
    this.#frames = new ArrayReader(json, FRAMES)
    this.#frame = new ObjectReader(json, '', STREAMED)
  }

  /** Takes one step; MORE when the bytes are not enough. */
  step(): typeof MORE | undefined {
    switch (this.#state) {
      case 'frames': {
        const step = this.#frames.step()
        if (step === MORE) return MORE
        if (step === 'object') this.#beginFrame()
        else this.#state = 'done'
        return undefined
      }
      case 'frame':
        return this.#stepFrame()
      case 'rows':
        return this.#stepRows()
      case 'raw': {
        const raw = this.#json.takeRaw(this.#rowsPath)
        if (raw === MORE) return MORE
        this.#frameRows = raw
        this.#state = 'frame'
        return undefined
      }
      case 'skip':
        if (this.#json.skipValue(this.#rowsPath) === MORE) return MORE
        this.#state = 'frame'
        return undefined
      case 'done':
        if (this.#json.peek() === MORE) return MORE
        return this.#json.fail('expected the end of the body', `frames[${this.#frames.index + 1}]`)
    }
  }

  /** Says whether the body, which has ended, was whole. */
  finish(): KustoProtocolError | KustoServiceError | undefined {
    if (this.#isComplete && this.#state === 'done') return undefined
    const failure = this.#failures[0]
    if (failure !== undefined) return failure
    const { window } = this.#json
    const path = `frames[${Math.max(0, this.#frames.index)}]`
    const found = this.#state === 'done' ? 'an array without it' : 'the end of the body'
    return new KustoProtocolError(
      'KUSTO_TRUNCATED_RESPONSE',
      `expected a DataSetCompletion frame, found ${found} (${path})`,
      { offset: window.base + window.end, path, retryable: true },
    )
  }

  get #path(): string {
    return this.#frames.path
  }

  get #rowsPath(): string {
    return `${this.#path}.Rows`
  }

  #beginFrame(): void {
    this.#frame = new ObjectReader(this.#json, this.#path, STREAMED)
    this.#frameTable = undefined
    this.#frameRows = undefined
    this.#state = 'frame'
  }

  #stepFrame(): typeof MORE | undefined {
    const step = this.#frame.step()
    if (step === MORE) return MORE
    if (step === 'end') {
      this.#endFrame()
      this.#state = 'frames'
    } else if (this.#frameTable !== undefined || this.#frameRows !== undefined) {
      throw malformed('expected Rows once', this.#path)
    } else this.#state = this.#beginRows()
    return undefined
  }

  #stepRows(): typeof MORE | undefined {
    const step = this.#rows?.step()
    if (step === MORE) return MORE
    if (step === 'batch' && this.#frameTable instanceof PrimaryTable) this.#frameTable.emitBatch()
    else this.#state = 'frame'
    return undefined
  }

  /** Decides what to do with the rows that come next: decode them now, keep them, or pass over them. */
  #beginRows(): 'rows' | 'raw' | 'skip' {
    const { fields } = this.#frame
    const type = fields.get('FrameType')
    if (type === 'DataTable') {
      if (!TABLE_FIELDS.every((field) => fields.has(field))) return 'raw'
      this.#frameTable = this.#openTable()
    } else if (type === 'TableFragment') {
      if (!FRAGMENT_FIELDS.every((field) => fields.has(field))) return 'raw'
      this.#frameTable = this.#fragmentTable()
    } else return type === undefined ? 'raw' : 'skip'
    const table = this.#frameTable
    if (!(table instanceof PrimaryTable)) return table.content === undefined ? 'skip' : 'raw'
    this.#rows = table.rowsReader(this.#json, this.#rowsPath)
    return 'rows'
  }

  #endFrame(): void {
    const { fields } = this.#frame
    const type = fields.get('FrameType')
    if (this.#isComplete) throw malformed('expected no frame after DataSetCompletion', this.#path)
    switch (type) {
      case 'DataTable':
        this.#endRows(() => this.#openTable())
        this.#closeTable(this.#id)
        break
      case 'TableHeader':
        this.#openTable()
        break
      case 'TableFragment':
        this.#endRows(() => this.#fragmentTable())
        break
      case 'TableProgress': {
        const percent = fields.get('TableProgress')
        if (typeof percent === 'number') this.#emit({ kind: 'progress', id: this.#id, percent })
        break
      }
      case 'TableCompletion':
        this.#completeTable()
        break
      case 'DataSetCompletion':
        this.#completeDataSet()
        break
      default:
        // The service may break off with a bare error object in place of a frame.
        throwFailureInside(fields)
        if (typeof type !== 'string') throw malformed('expected FrameType', this.#path)
    }
  }

  /** Sees to the rows of a frame that were kept, and to there being any. */
  #endRows(table: () => PrimaryTable | OtherTable): void {
    const raw = this.#frameRows
    if (raw === undefined) {
      if (this.#frameTable === undefined) throw malformed('expected Rows', this.#path)
      return
    }
    const target = this.#frameTable ?? table()
    if (target instanceof PrimaryTable) target.readRaw(raw, this.#rowsPath)
    else if (target.content !== undefined) {
      const rows = secondaryRows(parseRaw(raw, this.#rowsPath), this.#rowsPath)
      target.content.rows = [...target.content.rows, ...rows]
    }
  }

  get #id(): number {
    const id = this.#frame.fields.get('TableId')
    if (typeof id !== 'number') throw malformed('expected TableId', this.#path)
    return id
  }

  #openTable(): PrimaryTable | OtherTable {
    const { fields } = this.#frame
    const id = this.#id
    if (this.#tables.has(id)) throw malformed(`expected table ${id} to be closed`, this.#path)
    const kind = fields.get('TableKind')
    if (typeof kind !== 'string') throw malformed('expected TableKind', this.#path)
    const name = fields.get('TableName')
    const json = fields.get('Columns')
    const path = `${this.#path}.Columns`
    let table: PrimaryTable | OtherTable
    if (kind === 'PrimaryResult') {
      const head = { id, kind, name: typeof name === 'string' ? name : '', columns: parseColumns(json, path) }
      table = new PrimaryTable(head, this.#settings, this.#emit)
    } else if (READ_KINDS.has(kind)) table = { kind, content: { columns: parseColumnNames(json, path), rows: [] } }
    else table = { kind, content: undefined }
    this.#tables.set(id, table)
    return table
  }

  #fragmentTable(): PrimaryTable | OtherTable {
    const table = this.#tables.get(this.#id)
    if (table === undefined) throw malformed(`expected a TableHeader for table ${this.#id} before this`, this.#path)
    const type = this.#frame.fields.get('TableFragmentType')
    if (type === 'DataReplace') {
      if (table instanceof PrimaryTable) table.replace()
      else if (table.content !== undefined) table.content.rows = []
    } else if (type !== 'DataAppend') {
      throw malformed('expected TableFragmentType DataAppend or DataReplace', this.#path)
    }
    return table
  }

  #completeTable(): void {
    throwFailureInside(this.#frame.fields)
    const table = this.#tables.get(this.#id)
    if (table === undefined) throw malformed(`expected a TableHeader for table ${this.#id} before this`, this.#path)
    const expected = this.#frame.fields.get('RowCount')
    if (table instanceof PrimaryTable) {
      // By it alone it is noticed that a piece of the table is missing.
      if (typeof expected !== 'number') {
        throw malformed(`expected a RowCount at the end of table ${this.#id}, found none`, this.#path)
      }
      if (expected !== table.rows) {
        throw incomplete(`expected ${expected} rows in table ${this.#id}, found ${table.rows}`, this.#path)
      }
    }
    this.#closeTable(this.#id)
  }

  #closeTable(id: number): void {
    const table = this.#tables.get(id)
    this.#tables.delete(id)
    if (table instanceof PrimaryTable) table.end()
    else if (table?.content !== undefined) this.#readOther(table.kind, table.content)
  }

  #readOther(kind: string, content: SecondaryTable): void {
    if (kind === 'QueryProperties') {
      this.#emit({ kind: 'properties', properties: readProperties(content) })
      return
    }
    const { failures, rows } = readCompletion(content)
    this.#failures.push(...failures)
    if (rows.length > 0) this.#emit({ kind: 'information', rows })
  }

  /** A OneApiError says more than a row of QueryCompletionInformation, so it speaks when there are both. */
  #completeDataSet(): void {
    const { fields } = this.#frame
    const told = failureInside(Object.fromEntries(fields))
    throwFailures(told === undefined ? this.#failures : [told, ...this.#failures])
    if (fields.get('HasErrors') === true) throw failureOf([])
    if (fields.get('Cancelled') === true) {
      throw new KustoServiceError('KUSTO_QUERY_CANCELLED', 'the service cancelled the query before its end', {
        status: 200,
      })
    }
    const [open] = this.#tables.keys()
    if (open !== undefined) throw incomplete(`expected a TableCompletion frame for table ${open}`, this.#path)
    this.#isComplete = true
  }
}

function incomplete(message: string, path: string): KustoProtocolError {
  return new KustoProtocolError('KUSTO_INCOMPLETE_RESPONSE', `${message} (${path})`, { path, retryable: true })
}
