import type { DecodeSettings } from '../arrow/decode-table.ts'
import { KustoProtocolError, type KustoServiceError } from '../errors.ts'
import { type ArrayNames, ArrayReader } from './array-reader.ts'
import { type JsonReader, MORE, parseRaw, type RawValue } from './json-reader.ts'
import { ObjectReader } from './object-reader.ts'
import { PrimaryTable } from './primary-table.ts'
import { malformed, parseColumnNames, parseColumns } from './response-columns.ts'
import type { ResponseEvent } from './response-events.ts'
import { throwFailureInside, throwFailures } from './response-failure.ts'
import type { RowsReader } from './rows-reader.ts'
import { readCompletion, readProperties, secondaryRows, type SecondaryTable } from './secondary-table.ts'

/** A table whose kind only the end of the body tells. */
interface HeldTable {
  readonly name: string
  readonly columns: unknown
  readonly rows: RawValue
}

const STREAMED: ReadonlySet<string> = new Set(['Tables'])
const STREAMED_IN_TABLE: ReadonlySet<string> = new Set(['Rows'])
const TABLES: ArrayNames = {
  path: 'Tables',
  expected: 'expected Tables to be an array',
  elementPath: 'Tables',
  expectedElement: 'expected a table',
}

/**
 * Reads a V1 body: `{ "Tables": [{ "TableName", "Columns", "Rows" }], "Exceptions"?: [text] }`.
 *
 * The first table is the result and its rows are decoded as they come. What the others are only the last of them tells,
 * so they are kept until the body has ended: of two tables the second holds QueryProperties; of three or more the last
 * is the table of contents, which names the kind of each. Levels of QueryStatus up to 2 are failures.
 */
export class V1Reader {
  readonly #json: JsonReader
  readonly #settings: DecodeSettings
  readonly #emit: (event: ResponseEvent) => void
  readonly #body: ObjectReader
  readonly #held: HeldTable[] = []
  readonly #tables: ArrayReader
  #state: 'body' | 'tables' | 'table' | 'rows' | 'raw' | 'done' = 'body'
  #table: ObjectReader
  #tableRows: RawValue | undefined
  #first: PrimaryTable | undefined
  #rows: RowsReader | undefined
  #hasTables = false

  constructor(json: JsonReader, settings: DecodeSettings, emit: (event: ResponseEvent) => void) {
    this.#json = json
    this.#settings = settings
    this.#emit = emit
    this.#body = new ObjectReader(json, '$', STREAMED)
    this.#tables = new ArrayReader(json, TABLES)
    this.#table = this.#body
  }

  /** Takes one step; MORE when the bytes are not enough. */
  step(): typeof MORE | undefined {
    switch (this.#state) {
      case 'body': {
        const step = this.#body.step()
        if (step === MORE) return MORE
        if (step === 'end') {
          this.#state = 'done'
          this.#endBody()
        } else if (this.#hasTables) throw malformed('expected Tables once', '$')
        else {
          this.#hasTables = true
          this.#state = 'tables'
        }
        return undefined
      }
      case 'tables': {
        const step = this.#tables.step()
        if (step === MORE) return MORE
        if (step === 'object') this.#beginTable()
        else this.#state = 'body'
        return undefined
      }
      case 'table':
        return this.#stepTable()
      case 'rows': {
        const step = this.#rows?.step()
        if (step === MORE) return MORE
        if (step === 'batch') this.#first?.emitBatch()
        else this.#state = 'table'
        return undefined
      }
      case 'raw': {
        const raw = this.#json.takeRaw(this.#rowsPath)
        if (raw === MORE) return MORE
        this.#tableRows = raw
        this.#state = 'table'
        return undefined
      }
      case 'done':
        if (this.#json.peek() === MORE) return MORE
        return this.#json.fail('expected the end of the body', '$')
    }
  }

  /** Says whether the body, which has ended, was whole. */
  finish(): KustoProtocolError | undefined {
    if (this.#state === 'done') return undefined
    const { window } = this.#json
    return new KustoProtocolError(
      'KUSTO_TRUNCATED_RESPONSE',
      `expected the end of the answer's object, found the end of the body`,
      { offset: window.base + window.end, path: this.#path, retryable: true },
    )
  }

  get #path(): string {
    return this.#tables.index < 0 ? '$' : this.#tables.path
  }

  get #rowsPath(): string {
    return `${this.#path}.Rows`
  }

  #beginTable(): void {
    this.#table = new ObjectReader(this.#json, this.#path, STREAMED_IN_TABLE)
    this.#tableRows = undefined
    this.#state = 'table'
  }

  #stepTable(): typeof MORE | undefined {
    const step = this.#table.step()
    if (step === MORE) return MORE
    if (step === 'end') {
      this.#endTable()
      this.#state = 'tables'
      return undefined
    }
    if (this.#rows !== undefined && this.#tables.index === 0) throw malformed('expected Rows once', this.#path)
    if (this.#tableRows !== undefined) throw malformed('expected Rows once', this.#path)
    const { fields } = this.#table
    if (this.#tables.index > 0 || !fields.has('Columns') || !fields.has('TableName')) {
      this.#state = 'raw'
      return undefined
    }
    this.#first = this.#openPrimary(0, fields.get('TableName'), fields.get('Columns'))
    this.#rows = this.#first.rowsReader(this.#json, this.#rowsPath)
    this.#state = 'rows'
    return undefined
  }

  #openPrimary(id: number, name: unknown, columns: unknown): PrimaryTable {
    const head = {
      id,
      kind: 'PrimaryResult',
      name: typeof name === 'string' ? name : '',
      columns: parseColumns(columns, `Tables[${id}].Columns`),
    }
    return new PrimaryTable(head, this.#settings, this.#emit)
  }

  #endTable(): void {
    const { fields } = this.#table
    throwFailureInside(fields)
    const name = fields.get('TableName')
    if (this.#tables.index === 0) {
      if (this.#first === undefined) {
        this.#first = this.#openPrimary(0, name, fields.get('Columns'))
        this.#first.readRaw(this.#requireRows(), this.#rowsPath)
      }
      this.#first.end()
      return
    }
    const rows = this.#requireRows()
    this.#held.push({ name: typeof name === 'string' ? name : '', columns: fields.get('Columns'), rows })
  }

  #requireRows(): RawValue {
    if (this.#tableRows === undefined) throw malformed('expected Rows', this.#path)
    return this.#tableRows
  }

  #endBody(): void {
    throwFailureInside(this.#body.fields)
    if (!this.#hasTables) throw malformed('expected Tables', '$')
    const failures: KustoServiceError[] = []
    const kinds = this.#kindsOfHeld()
    for (const [index, table] of this.#held.entries()) {
      const id = index + 1
      const kind = kinds[index]
      if (kind === 'primary') {
        const primary = this.#openPrimary(id, table.name, table.columns)
        primary.readRaw(table.rows, `Tables[${id}].Rows`)
        primary.end()
      } else if (kind === 'QueryProperties') {
        this.#emit({ kind: 'properties', properties: readProperties(parseTable(table, id)) })
      } else if (kind === 'QueryStatus') {
        const completion = readCompletion(parseTable(table, id))
        failures.push(...completion.failures)
        if (completion.rows.length > 0) this.#emit({ kind: 'information', rows: completion.rows })
      }
    }
    throwFailures(failures)
  }

  /** The kind of each table after the first, `primary` for results. */
  #kindsOfHeld(): readonly string[] {
    const last = this.#held.at(-1)
    if (last === undefined) return []
    if (this.#held.length === 1) {
      const columns = parseColumnNames(last.columns, 'Tables[1].Columns')
      return [columns.length === 1 && columns[0] === 'Value' ? 'QueryProperties' : 'primary']
    }
    const contents = parseTable(last, this.#held.length)
    const column = contents.columns.indexOf('Kind')
    if (column < 0) return this.#held.map(() => 'primary')
    const kinds = contents.rows.map((row) => {
      const kind = row[column]
      return kind === 'QueryResult' || kind === 'PrimaryResult' ? 'primary' : String(kind)
    })
    if (kinds[0] !== 'primary') {
      throw malformed(`expected the first table to be a QueryResult, found ${kinds[0] ?? 'nothing'}`, 'Tables[0]')
    }
    const expected = this.#held.length
    if (kinds.length !== expected) {
      throw malformed(`expected a table of contents of ${expected} rows, found ${kinds.length}`, `Tables[${expected}]`)
    }
    return [...kinds.slice(1), 'TableOfContents']
  }
}

function parseTable(table: HeldTable, id: number): SecondaryTable {
  const columns = parseColumnNames(table.columns, `Tables[${id}].Columns`)
  const path = `Tables[${id}].Rows`
  return { columns, rows: secondaryRows(parseRaw(table.rows, path), path) }
}
