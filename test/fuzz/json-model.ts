import { isDeepStrictEqual } from 'node:util'

/** A table as JSON.parse sees it: an independent reading, which knows nothing of the code under test. */
export interface ModelTable {
  readonly id: number
  readonly types: readonly string[]
  rows: unknown[][]
}

interface Frame {
  readonly FrameType?: unknown
  readonly TableKind?: unknown
  readonly TableId?: unknown
  readonly TableFragmentType?: unknown
  readonly Columns?: readonly { readonly ColumnType?: unknown; readonly DataType?: unknown }[]
  readonly Rows?: unknown[][]
}

/** The primary results of a V2 body, in the order they begin. */
export function tablesOfV2(frames: readonly Frame[]): readonly ModelTable[] {
  const tables: ModelTable[] = []
  const open = new Map<unknown, ModelTable>()
  for (const frame of frames) {
    const isTable = frame.FrameType === 'DataTable' || frame.FrameType === 'TableHeader'
    if (isTable && frame.TableKind === 'PrimaryResult') {
      const types = (frame.Columns ?? []).map(typeOf)
      const rows = frame.FrameType === 'DataTable' ? (frame.Rows ?? []) : []
      const table = { id: Number(frame.TableId), types, rows }
      tables.push(table)
      if (frame.FrameType === 'TableHeader') open.set(frame.TableId, table)
    } else if (isTable) open.delete(frame.TableId)
    else if (frame.FrameType === 'TableFragment') {
      const table = open.get(frame.TableId)
      if (table === undefined) continue
      if (frame.TableFragmentType === 'DataReplace') table.rows = []
      table.rows = [...table.rows, ...(frame.Rows ?? [])]
    }
  }
  return tables
}

/** All tables of a V1 body; a table's id is its place. */
export function tablesOfV1(body: { readonly Tables?: readonly Frame[] }): readonly ModelTable[] {
  return (body.Tables ?? []).map(({ Columns = [], Rows = [] }, id) => ({ id, types: Columns.map(typeOf), rows: Rows }))
}

function typeOf(column: { readonly ColumnType?: unknown; readonly DataType?: unknown }): string {
  const { ColumnType, DataType } = column
  const text = typeof ColumnType === 'string' && ColumnType !== '' ? ColumnType : DataType
  return String(text).trim().toLowerCase().replace('system.', '')
}

const ALIASES: Readonly<Record<string, string>> = {
  boolean: 'bool',
  sbyte: 'bool',
  int32: 'int',
  int64: 'long',
  double: 'real',
  date: 'datetime',
  time: 'timespan',
  uuid: 'guid',
  uniqueid: 'guid',
  object: 'dynamic',
  sqldecimal: 'decimal',
  'data.sqltypes.sqldecimal': 'decimal',
}

/** Whether a cell in the plain form of the fixtures is what the JSON value says, as far as JSON.parse kept it. */
export function isSameCell(type: string, plain: unknown, json: unknown, unwrap: 'containers' | 'anything'): boolean {
  const scalar = ALIASES[type] ?? type
  if (scalar === 'string') return json === null ? plain === '' : typeof json === 'string' && plain === wellFormed(json)
  if (scalar === 'dynamic') return isSameDynamic(plain, json, unwrap)
  if (json === null) return plain === null
  switch (scalar) {
    case 'bool':
      return plain === (json === true || json === 1)
    case 'int':
      return plain === json || (json === 0 && plain === 0)
    case 'long':
      return Number(plain) === json
    case 'real':
      return typeof json === 'number' ? Object.is(Number(plain), json) : plain === json
    case 'decimal':
      return Number(plain) === Number(json)
    case 'datetime':
      return plain === plainDatetime(json)
    case 'timespan':
      return plain === plainTimespan(json)
    case 'guid':
      return plain === (typeof json === 'string' ? json.toLowerCase() : undefined)
    default:
      return false
  }
}

/** Half a surrogate pair has no UTF-8 and becomes U+FFFD. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}

function isSameDynamic(plain: unknown, json: unknown, unwrap: 'containers' | 'anything'): boolean {
  if (json === null || json === '') return plain === null
  const found: unknown = JSON.parse(String(plain))
  if (typeof json !== 'string') return isDeepStrictEqual(found, json)
  const text = wellFormed(json)
  const inside = unwrap === 'anything' || /^\s*[[{]/.test(text) ? parsed(text) : undefined
  return isDeepStrictEqual(found, inside === undefined ? json : inside) || isDeepStrictEqual(found, text)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function plainDatetime(json: unknown): string {
  const text = typeof json === 'string' ? json : ''
  const [, seconds = '', fraction = ''] = /^(.{19})(?:\.(\d+))?Z?$/.exec(text) ?? []
  return `${new Date(`${seconds}Z`).toISOString().slice(0, 19)}.${fraction.padEnd(6, '0').slice(0, 6)}Z`
}

function plainTimespan(json: unknown): string {
  if (typeof json === 'number') return String(Math.trunc(json / 10) + 0)
  const text = typeof json === 'string' ? json : ''
  const parts = /^(-?)(?:(\d+)\.)?(\d+):(\d+):(\d+)(?:\.(\d+))?$/.exec(text)
  if (parts === null) return `not ${text}`
  const [, sign, days = '0', hours = '', minutes = '', seconds = '', fraction = ''] = parts
  const total = ((BigInt(days) * 24n + BigInt(hours)) * 60n + BigInt(minutes)) * 60n + BigInt(seconds)
  const micros = total * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6))
  return String(sign === '-' ? -micros : micros)
}
