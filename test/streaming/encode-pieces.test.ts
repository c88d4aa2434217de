import { gunzipSync } from 'node:zlib'
import { type RecordBatch, tableFromArrays } from 'apache-arrow'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCsv } from '../../src/arrow/encode-csv.ts'
import { encodePieces } from '../../src/streaming/encode-pieces.ts'
import type { Piece } from '../../src/streaming/piece.ts'

const batchOf = (texts: readonly string[], start: number): RecordBatch =>
  tableFromArrays({ n: Int32Array.from(texts, (_, i) => start + i), text: [...texts] }).batches[0]!

async function* from(batches: readonly RecordBatch[]): AsyncGenerator<RecordBatch> {
  yield* batches
}

async function collect(batches: readonly RecordBatch[], maxBytes: number): Promise<readonly Piece[]> {
  const pieces: Piece[] = []
  const options = { encode: encodeCsv, maxBytes: () => maxBytes, onRisk: () => undefined }
  for await (const piece of encodePieces(from(batches), options)) pieces.push(piece)
  return pieces
}

async function textOf(piece: Piece): Promise<string> {
  const { bytes, gzip } = await piece.body()
  return (gzip ? gunzipSync(bytes) : Buffer.from(bytes)).toString('utf8')
}

/** Texts with what CSV must quote, and of several bytes a character. */
const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.constantFrom('', ',', '"', '\n', '\r\n', 'ü'.repeat(9), '🚀', 'x'.repeat(300)),
)

describe('encodePieces', () => {
  it('tells of values at risk their numbers, and not the rows themselves', async () => {
    const risks: unknown[] = []
    const [batch] = tableFromArrays({ s: ['x'.repeat(1_100_000), 'y'] }).batches
    const options = { encode: encodeCsv, maxBytes: () => 4_000_000, onRisk: (risk: object) => risks.push(risk) }
    for await (const _ of encodePieces(from(batch === undefined ? [] : [batch]), options));
    expect(risks).toEqual([{ oversizeCells: 1, cutTimes: 0 }])
  })

  it('streaming:C36 streaming:C48 keeps every byte of every row in order, whatever the limit, and cuts between rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(text, { minLength: 1, maxLength: 30 }), { maxLength: 6 }),
        fc.integer({ min: 20, max: 2000 }),
        async (groups, maxBytes) => {
          let start = 0
          const batches = groups.map((group) => {
            const batch = batchOf(group, start)
            start += group.length
            return batch
          })
          const pieces = await collect(batches, maxBytes)
          const texts = await Promise.all(pieces.map(textOf))
          const whole = batches.map((batch) => Buffer.from(encodeCsv(batch).bytes).toString('utf8')).join('')
          expect(texts.join('')).toBe(whole)
          pieces.forEach((piece, at) => {
            expect(piece.rawBytes).toBe(Buffer.byteLength(texts[at] ?? ''))
            if (piece.rows !== 1) expect(piece.rawBytes).toBeLessThanOrEqual(maxBytes)
          })
          expect(pieces.reduce((sum, piece) => sum + (piece.rows ?? 0), 0)).toBe(start)
          expect(new Set(pieces.map(({ sourceId }) => sourceId)).size).toBe(pieces.length)
        },
      ),
    )
  })

  it('streaming:T27 halves a piece into its rows, again and again', async () => {
    const [piece] = await collect([batchOf(['a', 'b'], 0), batchOf(['c', 'd', 'e'], 2)], 1000)
    const rowsOf = async (each: Piece): Promise<readonly string[]> =>
      each.halves === undefined
        ? [await textOf(each)]
        : (await Promise.all(each.halves().map((half) => rowsOf(half)))).flat()
    const halves = piece?.halves?.() ?? []
    expect(halves.map(({ rowOffset, rows }) => [rowOffset, rows])).toEqual([
      [0, 3],
      [3, 2],
    ])
    expect(piece === undefined ? [] : await rowsOf(piece)).toEqual(['0,a\n', '1,b\n', '2,c\n', '3,d\n', '4,e\n'])
  })

  it('streaming:C12 gives the same bytes for every attempt', async () => {
    const [piece] = await collect([batchOf(['a'], 0)], 1000)
    const [first, second] = [await piece?.body(), await piece?.body()]
    expect(first?.bytes).toEqual(second?.bytes)
  })

  it('streaming:T20 makes no piece of no rows', async () => {
    expect(await collect([], 1000)).toEqual([])
    expect(await collect([batchOf(['a'], 0).slice(0, 0)], 1000)).toEqual([])
  })

  it('follows a limit that is lowered on the way', async () => {
    let maxBytes = 1000
    const sizes: number[] = []
    const batch = batchOf(Array<string>(500).fill('0123456789'), 0)
    const options = { encode: encodeCsv, maxBytes: () => maxBytes, onRisk: () => undefined }
    for await (const piece of encodePieces(from([batch]), options)) {
      sizes.push(piece.rawBytes)
      maxBytes = 100
    }
    expect(sizes[0]).toBeGreaterThan(900)
    expect(Math.max(...sizes.slice(1))).toBeLessThanOrEqual(100)
  })
})
