/*
 * Chooses, once per column and batch, the kernel that writes its cells: for CSV, for Parquet's text columns, and as JSON
 * for Kusto's dynamic:
 * - integers with all digits; a uint64 over 2^63-1 and every decimal as a string, because JSON numbers become doubles
 * - NaN, Infinity and -Infinity as strings, as the service itself writes them: toreal() reads them back
 * - times, guids and base64 as strings; `arrow.json` text as it is when it is JSON, else as a string
 * - nulls kept, map keys as strings.
 */
import { type Data, type Dictionary, type Field, Type, type Union, UnionMode } from 'apache-arrow'
import { KustoDataError } from '../../errors.ts'
import { arrowKind, typeName } from '../kusto-columns.ts'
import type { ScalarName } from '../scalar-types.ts'
import { base64Cells, plainCells, uuidCells } from './byte-cells.ts'
import type { CellKernel } from './cell-kernel.ts'
import { checkedTextCells, isCheckedText } from './checked-text.ts'
import { csvTextCells } from './csv-text-cells.ts'
import { flatCells, uint64Json } from './flat-cells.ts'
import { jsonTextCells, type QuoteBytes } from './json-text-cells.ts'
import { type Fence, listCells, mapCells } from './nested-cells.ts'
import { noCells, presentCells } from './null-cells.ts'
import { limitedCells, quotedCells } from './quoted-cells.ts'
import { rawJsonCells } from './raw-json-cells.ts'
import { keyedCells, routedCells } from './routed-cells.ts'
import { type MemberCells, structCells } from './struct-cells.ts'
import { renderedSpans, type SpanSource, spansOf } from './text-spans.ts'

/** What {@link columnCells} needs to know besides the column. */
export interface ColumnCellsOptions {
  /** The Kusto type it is for. */
  readonly target: ScalarName
  /** As a CSV field, or as it is. */
  readonly form: 'csv' | 'plain'
}

const encoder = new TextEncoder()

/** The kernel of a column; a null is nothing. */
export function columnCells(field: Field, data: Data, options: ColumnCellsOptions): CellKernel {
  const { typeId } = data.type
  if (typeId === Type.Null) return noCells('empty')
  if (typeId === Type.Dictionary) {
    return presentCells(
      data,
      dictionaryCells(field, data, (values, chunk) => columnCells(values, chunk, options)),
      'empty',
    )
  }
  return presentCells(data, textCells(field, data, options), 'empty')
}

/** The kernel of a column, or of a child of one, as JSON values; a null is `null`. */
export function jsonCells(field: Field, data: Data, quotes: QuoteBytes): CellKernel {
  const { typeId } = data.type
  if (typeId === Type.Null) return noCells('word')
  if (typeId === Type.Union) return unionCells(data, quotes)
  if (typeId === Type.Dictionary) {
    return presentCells(
      data,
      dictionaryCells(field, data, (values, chunk) => jsonCells(values, chunk, quotes)),
      'word',
    )
  }
  return presentCells(data, jsonValueCells(field, data, { quotes, fence: 0 }), 'word')
}

function textCells(field: Field, data: Data, { target, form }: ColumnCellsOptions): CellKernel {
  const kind = arrowKind(field)
  const written = form === 'csv' ? csvTextCells : plainCells
  if (kind === 'text' && isCheckedText(target)) return checkedTextCells(written(bytesOf(data)), bytesOf(data), target)
  if (kind === 'text' || kind === 'json') return written(bytesOf(data))
  // What is sure to hold quotes or commas goes straight into a quoted field; the rest is looked at first.
  if (kind === 'nested' && form === 'csv' && data.type.typeId !== Type.Union) {
    return limitedCells(jsonValueCells(field, data, { quotes: 2, fence: 1 }), 2)
  }
  if (kind === 'nested' || target === 'dynamic') {
    // Text over the limit is counted where it is written.
    return written(
      renderedSpans(
        data.type.typeId === Type.Union ? unionCells(data, 1) : jsonValueCells(field, data, { quotes: 1, fence: 0 }),
      ),
    )
  }
  if (kind === 'uuid' || target === 'guid') return uuidCells(bytesOf(data))
  if (kind === 'binary') return base64Cells(bytesOf(data), form === 'csv' ? '""' : '')
  return flatCells(data, target)
}

/* The fence is for nested types only: text and numbers inside of a quoted field are never a field by themselves. */
function jsonValueCells(
  field: Field,
  data: Data,
  { quotes, fence }: { readonly quotes: QuoteBytes; readonly fence: Fence },
): CellKernel {
  const kind = arrowKind(field)
  if (kind === 'text') return jsonTextCells(bytesOf(data), quotes)
  if (kind === 'json') return rawJsonCells(bytesOf(data), quotes)
  if (kind === 'uuid') return quotedCells(uuidCells(bytesOf(data)), quotes)
  if (kind === 'binary') return quotedCells(base64Cells(bytesOf(data), ''), quotes)
  if (kind === 'bool') return flatCells(data, 'dynamic')
  if (kind === 'integer') return uint64Json(data, quotes) ?? flatCells(data, 'dynamic')
  if (kind === 'real') return flatCells(data, 'dynamic', quotes)
  if (kind !== 'nested') return quotedCells(flatCells(data, 'dynamic'), quotes)
  const { typeId, children } = data.type
  if (typeId === Type.Struct) {
    const members = children.map((child, index): MemberCells => {
      const prefix = memberPrefix(child.name, index, quotes)
      return { prefix, kernel: jsonCells(child, data.children[index]!, quotes) }
    })
    return structCells(members, fence)
  }
  if (typeId === Type.Map) return mapColumn(data, quotes, fence)
  if (typeId === Type.List || typeId === Type.LargeList || typeId === Type.FixedSizeList) {
    return listCells(data, jsonCells(children[0] as Field, data.children[0]!, quotes), fence)
  }
  throw new KustoDataError('KUSTO_UNSUPPORTED_TYPE', `column ${field.name}: no JSON for ${typeName(data.type)}`, {
    type: typeName(data.type),
  })
}

function bytesOf(data: Data): SpanSource {
  const spans = spansOf(data)
  if (spans !== undefined) return spans
  throw new KustoDataError(
    'KUSTO_UNSUPPORTED_TYPE',
    `expected an Arrow type with a text form, found ${typeName(data.type)}`,
  )
}

function memberPrefix(name: string, index: number, quotes: QuoteBytes): Uint8Array {
  const text = `${index > 0 ? ',' : '{'}${JSON.stringify(name)}:`
  return encoder.encode(quotes === 1 ? text : text.replaceAll('"', '""'))
}

/** Keys become the JSON strings of their text. */
function mapColumn(data: Data, quotes: QuoteBytes, fence: Fence): CellKernel {
  const [keyField, valueField] = (data.type.children[0] as Field).type.children as [Field, Field]
  const [keyData, valueData] = data.children[0]!.children as [Data, Data]
  const text = columnCells(keyField, keyData, { target: 'string', form: 'plain' })
  const key = jsonTextCells(renderedSpans(text), quotes)
  return mapCells(data, { key, value: jsonCells(valueField, valueData, quotes) }, fence)
}

function unionCells(data: Data, quotes: QuoteBytes): CellKernel {
  const type = data.type as Union
  const kernels = type.children.map((child, index) => jsonCells(child, data.children[index]!, quotes))
  const typeIds = data.typeIds as Int8Array
  const offsets = type.mode === UnionMode.Dense ? (data.valueOffsets as Int32Array) : undefined
  const route = {
    child: (row: number): number => type.typeIdToChildIndex[typeIds[row]!]!,
    row: (row: number): number => (offsets === undefined ? row : offsets[row]!),
  }
  return routedCells(route, kernels)
}

function dictionaryCells(field: Field, data: Data, make: (values: Field, chunk: Data) => CellKernel): CellKernel {
  const values = field.clone({ type: (data.type as Dictionary).dictionary })
  const chunks = data.dictionary?.data ?? []
  const keys = Int32Array.from(data.values as Iterable<unknown>, Number)
  const [first] = chunks
  if (chunks.length === 1 && first !== undefined) return keyedCells(keys, make(values, first))
  const starts = chunks.map((_, index) => chunks.slice(0, index).reduce((sum, chunk) => sum + chunk.length, 0))
  const chunkOf = (key: number): number => starts.findLastIndex((start) => key >= start)
  const route = {
    child: (row: number): number => chunkOf(keys[row]!),
    row: (row: number): number => keys[row]! - starts[chunkOf(keys[row]!)]!,
  }
  return routedCells(
    route,
    chunks.map((chunk) => make(values, chunk)),
  )
}
