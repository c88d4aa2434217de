import { DataType, Precision, type RecordBatch, TimeUnit, type Vector } from 'apache-arrow'
import { readResponse, type ResponseOptions } from '../../src/protocol/read-response.ts'
import type { ResponseEvent, ResultProperty } from '../../src/protocol/response-events.ts'

/** One result in the plain form of the fixtures. */
export interface PlainTable {
  readonly id: number
  readonly name: string
  readonly columns: readonly (readonly [string, string])[]
  rows: unknown[][]
  lostTicks: readonly number[]
}

export interface PlainResponse {
  readonly tables: PlainTable[]
  readonly properties: ResultProperty[]
  readonly hasEnded: boolean
}

/** Cuts bytes into chunks of `size`; 0 = one chunk. Each chunk is a copy, so that nobody can rely on its neighbours. */
export function* chunksOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  if (size === 0) yield bytes.slice()
  else for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
}

/** Reads a response and tells what came, in the plain form of the fixtures. */
export async function collectResponse(
  chunks: Iterable<Uint8Array>,
  options: ResponseOptions = {},
): Promise<PlainResponse> {
  const tables = new Map<number, PlainTable & { isClosed?: boolean }>()
  const properties: ResultProperty[] = []
  let hasEnded = false
  const open = (id: number): PlainTable & { isClosed?: boolean } => {
    const table = tables.get(id)
    if (table === undefined || table.isClosed === true) throw new Error(`event of table ${id}, which is not open`)
    return table
  }
  for await (const event of readResponse(chunks, options)) {
    if (hasEnded) throw new Error('an event after the end')
    switch (event.kind) {
      case 'table':
        tables.set(event.id, {
          id: event.id,
          name: event.name,
          columns: event.columns.map(({ name, type }) => [name, type] as const),
          rows: [],
          lostTicks: [],
        })
        break
      case 'batch':
        open(event.id).rows.push(...plainRows(event.batch))
        break
      case 'table-reset':
        open(event.id).rows = []
        break
      case 'table-end': {
        const table = open(event.id)
        if (table.rows.length !== event.rows) throw new Error(`${event.rows} rows told, ${table.rows.length} delivered`)
        table.lostTicks = event.lostTicks
        table.isClosed = true
        break
      }
      case 'properties':
        properties.push(...event.properties)
        break
      case 'end':
        hasEnded = true
        break
      case 'progress':
      case 'information':
        break
      default:
        event satisfies never
    }
  }
  const plain = [...tables.values()].map(({ isClosed, ...table }) => {
    if (isClosed !== true) throw new Error(`table ${table.id} did not end`)
    return table
  })
  return { tables: plain, properties, hasEnded }
}

/** All events, for tests about their order. */
export async function eventsOf(chunks: Iterable<Uint8Array>, options: ResponseOptions = {}): Promise<ResponseEvent[]> {
  const events: ResponseEvent[] = []
  for await (const event of readResponse(chunks, options)) events.push(event)
  return events
}

/** The rows of a batch; see fixtures/README.md for the form of a cell. */
export function plainRows(batch: RecordBatch): unknown[][] {
  const columns = batch.schema.fields.map((_, index) => batch.getChildAt(index)!)
  return Array.from({ length: batch.numRows }, (_, row) => columns.map((column) => plainCell(column, row)))
}

function plainCell(column: Vector, row: number): unknown {
  const data = column.data[0]!
  if (!data.getValid(row)) return null
  const type = column.type as DataType
  if (DataType.isInt(type) && type.bitWidth === 64) return String(data.values[row])
  if (DataType.isFloat(type) && type.precision === Precision.DOUBLE) {
    const value = Number(data.values[row])
    if (Object.is(value, -0)) return '-0'
    return Number.isFinite(value) ? value : String(value)
  }
  if (DataType.isDecimal(type)) return plainDecimal(data.values.subarray(row * 4, row * 4 + 4), type.scale)
  if (DataType.isTimestamp(type))
    return plainDatetime(BigInt(data.values[row]), type.unit === TimeUnit.NANOSECOND ? 9 : 6)
  if (DataType.isDuration(type)) return String(data.values[row])
  if (DataType.isFixedSizeBinary(type)) return Buffer.from(column.get(row)).toString('hex')
  if (DataType.isUtf8(type)) {
    // Read here and not by Arrow's decoder, so that a broken offset or byte shows.
    const [from, to] = [data.valueOffsets[row], data.valueOffsets[row + 1]]
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data.values.subarray(from, to))
  }
  return column.get(row)
}

function plainDecimal(words: Uint32Array, scale: number): string {
  let value = 0n
  for (const word of [...words].toReversed()) value = (value << 32n) | BigInt(word)
  value = BigInt.asIntN(128, value)
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0')
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

function plainDatetime(units: bigint, digits: number): string {
  const perSecond = 10n ** BigInt(digits)
  const fraction = ((units % perSecond) + perSecond) % perSecond
  const date = new Date(Number((units - fraction) / perSecond) * 1000).toISOString().slice(0, 19)
  return `${date}.${String(fraction).padStart(digits, '0')}Z`
}
