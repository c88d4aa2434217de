/* Chooses the kernel of a column whose values are numbers, times or booleans. Bench: bench/csv.bench.ts. */
import { type Data, type Date_, DateUnit, type Float, type Int, Precision, type Timestamp, Type } from 'apache-arrow'
import { KustoDataError } from '../../errors.ts'
import { typeName } from '../kusto-columns.ts'
import type { ScalarName } from '../scalar-types.ts'
import { boolCells, plainCells } from './byte-cells.ts'
import type { CellBlock, CellKernel } from './cell-kernel.ts'
import { dateCells, datetimeCells } from './datetime-cells.ts'
import { checkedCells, int32Cells, int64Cells } from './integer-cells.ts'
import { quotedCells } from './quoted-cells.ts'
import { realCells } from './real-cells.ts'
import { routedCells } from './routed-cells.ts'
import { sinkSpans } from './text-spans.ts'
import { fixedCells, halves, integerRange, SCALES } from './write-cells.ts'
import { halfToNumber } from './half-to-number.ts'
import { EPOCH_SECONDS, MILLISECONDS, TICKS } from './write-time.ts'

/**
 * The kernel of a column of bounded cells for a Kusto type; `quotes` stand around NaN and the infinities.
 * @throws {KustoDataError} KUSTO_UNSUPPORTED_TYPE
 */
export function flatCells(data: Data, target: ScalarName, quotes: 0 | 1 | 2 = 0): CellKernel {
  const { type } = data
  if (type.typeId === Type.Bool) return boolCells(data)
  if (type.typeId === Type.Int) return integerColumn(data, target)
  if (type.typeId === Type.Float && target === 'decimal') return finiteCells(doubles(data))
  if (type.typeId === Type.Float && target !== 'int' && target !== 'long') return realCells(doubles(data), quotes)
  if (type.typeId === Type.Date && (type as Date_).unit === DateUnit.DAY) return dateCells(data.values as Int32Array)
  // Date64 and every timestamp count units in 64 bits, in UTC whatever the zone's label says.
  if (type.typeId === Type.Date) return datetimeCells(halves(data.values as BigInt64Array), MILLISECONDS)
  if (type.typeId === Type.Timestamp) {
    return datetimeCells(halves(data.values as BigInt64Array), SCALES[(type as Timestamp).unit])
  }
  const cells = fixedCells(data, target)
  if (cells !== undefined) return plainCells(sinkSpans(cells))
  throw new KustoDataError('KUSTO_UNSUPPORTED_TYPE', `expected an Arrow type with a text form, found ${typeName(type)}`)
}

/** The JSON of unsigned 64-bit integers, strings where they exceed what Kusto's long holds; undefined for other types. */
export function uint64Json(data: Data, quotes: 1 | 2): CellKernel | undefined {
  const { bitWidth, isSigned } = data.type as Int
  if (bitWidth < 64 || isSigned) return undefined
  const words = halves(data.values as BigUint64Array)
  const route = { child: (row: number): number => (words[2 * row + 1]! < 0 ? 1 : 0), row: (row: number): number => row }
  return routedCells(route, [int64Cells(words, 'unsigned'), quotedCells(int64Cells(words, 'unsigned'), quotes)])
}

function integerColumn(data: Data, target: ScalarName): CellKernel {
  const { bitWidth, isSigned } = data.type as Int
  if (bitWidth < 32) return int32Cells(Int32Array.from(data.values as Int16Array))
  if (bitWidth === 32 && isSigned) return int32Cells(data.values as Int32Array)
  if (bitWidth === 32) {
    const words = new Int32Array(data.length * 2)
    const values = data.values as Uint32Array
    for (let row = 0; row < data.length; row++) words[2 * row] = values[row]!
    const cells = int64Cells(words, 'unsigned')
    return target === 'int' ? checkedCells(cells, (block) => checkInt(words, block)) : cells
  }
  const words = halves(data.values as BigInt64Array)
  if (target === 'datetime') return datetimeCells(words, TICKS, -EPOCH_SECONDS)
  if (target === 'timespan') return plainCells(sinkSpans(fixedCells(data, target)!))
  const cells = int64Cells(words, isSigned ? 'signed' : 'unsigned')
  if (target === 'int') return checkedCells(cells, (block) => checkInt(words, block))
  if (target === 'long' && !isSigned) return checkedCells(cells, (block) => checkLong(words, block))
  return target === 'real' ? checkedCells(cells, (block) => checkReal(words, block, isSigned)) : cells
}

function doubles(data: Data): Float64Array {
  const { precision } = data.type as Float
  if (precision === Precision.DOUBLE) return data.values as Float64Array
  if (precision === Precision.SINGLE) return new Float64Array(data.values as Float32Array)
  return Float64Array.from(data.values as Uint16Array, halfToNumber)
}

function finiteCells(values: Float64Array): CellKernel {
  return checkedCells(realCells(values, 0), ({ count, rows }) => {
    for (let index = 0; index < count; index++) {
      if (Number.isFinite(values[rows[index]!]!)) continue
      throw new KustoDataError('KUSTO_DECIMAL_RANGE', 'expected a finite number for a decimal', { type: 'decimal' })
    }
  })
}

function checkInt(words: Int32Array, { count, rows }: CellBlock): void {
  for (let index = 0; index < count; index++) {
    const row = rows[index]!
    if (words[2 * row + 1] !== words[2 * row]! >> 31) throw integerRange('int')
  }
}

function checkLong(words: Int32Array, { count, rows }: CellBlock): void {
  for (let index = 0; index < count; index++) if (words[2 * rows[index]! + 1]! < 0) throw integerRange('long')
}

function checkReal(words: Int32Array, { count, rows }: CellBlock, isSigned: boolean): void {
  for (let index = 0; index < count; index++) {
    const row = rows[index]!
    const bits = (BigInt(words[2 * row + 1]!) << 32n) | BigInt(words[2 * row]! >>> 0)
    const value = isSigned ? bits : BigInt.asUintN(64, bits)
    if (BigInt(Number(value)) !== value) {
      throw new KustoDataError('KUSTO_INTEGER_RANGE', 'expected an integer that a real holds exactly', { type: 'real' })
    }
  }
}
