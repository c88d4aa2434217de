import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import type { TypeOptions } from '../../src/arrow/scalar-types.ts'
import { KustoError } from '../../src/errors.ts'
import { responseSettings } from '../../src/protocol/read-response.ts'
import { ResponseReader } from '../../src/protocol/response-reader.ts'
import { plainRows } from '../conformance/collect-response.ts'
import { TABLE, v2Body } from '../protocol/naive-model.ts'
import { isSameCell, type ModelTable, tablesOfV1, tablesOfV2 } from './json-model.ts'

/** What became of the cases. */
export interface FuzzTotals {
  cases: number
  /** Ended in a KustoError. */
  refused: number
  /** Read to the end, and every cell compared with JSON.parse. */
  compared: number
  /** Read to the end although the body is no JSON: the damage is in what nobody reads. */
  passedOver: number
  rows: number
  /** Processor time of the slowest case. */
  slowestMs: number
}

interface Seed {
  readonly bytes: Buffer
  /** Has one table in one frame, so that nothing is passed over: read to the end it must be JSON or have no table. */
  readonly isPlain: boolean
  /** String columns, to be read as dictionaries now and then. */
  readonly strings: readonly string[]
}

/** No case may take longer, in processor time. */
const MOST_MS = 1000

const TOKENS = [
  '[',
  ']',
  '{',
  '}',
  '"',
  ',',
  ':',
  '\\',
  'null',
  'true',
  '-',
  '0',
  '1e9',
  '.',
  '\u0000',
  '\\ud800',
  ' ',
  '\n',
]

/** The bodies that are damaged: the fixtures, and arbitrary tables, whole and in fragments. */
export function fuzzSeeds(fixtures: string): readonly Seed[] {
  const recorded = readdirSync(fixtures).map((name): Seed => {
    return { bytes: readFileSync(`${fixtures}/${name}/response.json`), isPlain: false, strings: [] }
  })
  const made = fc.sample(TABLE, { numRuns: 60, seed: 3 }).map((table, index): Seed => {
    const shape = index % 3 === 0 ? { space: '', fragments: [1, 4] } : { space: index % 5 === 0 ? ' ' : '' }
    const strings = table.columns.filter(([, type]) => type === 'string').map(([name]) => name)
    return { bytes: Buffer.from(v2Body(table, shape)), isPlain: !('fragments' in shape), strings }
  })
  return [...recorded.filter(({ bytes }) => bytes.length > 0), ...made]
}

/**
 * Reads case `index` of a run: a damaged body, cut into arbitrary chunks. The same seeds, run and index make the same
 * case.
 * @throws when it ends otherwise than in a KustoError or in what JSON.parse makes of the body.
 */
export function fuzzCase(seeds: readonly Seed[], run: number, index: number, totals: FuzzTotals): void {
  const random = seededRandom(Math.imul(run, 0x9e3779b1) ^ index)
  const below = (limit: number): number => Math.floor(random() * limit)
  const seed = seeds[below(seeds.length)]!
  let isSpliced = false
  let { bytes } = seed
  for (let damages = 1 + below(4); damages > 0; damages--) {
    const at = below(bytes.length + 1)
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)]
    const length = 1 + below(below(4) === 0 ? 200 : 8)
    switch (below(12)) {
      case 0:
      case 1:
        bytes = Buffer.from(bytes)
        if (at < bytes.length) bytes[at] = below(256)
        break
      case 2:
        bytes = Buffer.from(bytes)
        if (at < bytes.length) bytes[at] = bytes[at]! ^ (1 << below(8))
        break
      case 3:
        bytes = Buffer.concat([head, Buffer.from(TOKENS[below(TOKENS.length)]!), tail])
        break
      case 4:
        bytes = Buffer.concat([head, tail.subarray(length)])
        break
      case 5:
        bytes = Buffer.concat([head, head.subarray(Math.max(0, at - length)), tail])
        break
      case 6:
        bytes = below(8) === 0 ? head : bytes
        break
      case 7:
      case 8:
      case 9:
      case 10:
        bytes = Buffer.from(bytes)
        if (at < bytes.length) bytes[at] = likeness(bytes[at]!, below(26))
        break
      default: {
        if (below(3) > 0) break
        const other = seeds[below(seeds.length)]!.bytes
        const from = below(other.length)
        bytes = Buffer.concat([head, other.subarray(from, from + length), tail])
        isSpliced = true
      }
    }
  }
  const dictionary = below(3) === 0 ? seed.strings : []
  const chunk = below(3) === 0 ? bytes.length + 1 : 1 + below(60)
  const start = process.cpuUsage()
  const found = read(bytes, { chunk, batchRows: 1 + below(20), types: { dictionary } })
  const spent = process.cpuUsage(start)
  totals.cases++
  totals.slowestMs = Math.max(totals.slowestMs, (spent.user + spent.system) / 1000)
  if (totals.slowestMs > MOST_MS) throw new Error(`took ${totals.slowestMs} ms`)
  if (found === undefined) {
    totals.refused++
    return
  }
  const json = parse(bytes)
  if (json === undefined) {
    if (seed.isPlain && !isSpliced && found.length > 0) throw new Error('read to the end, but it is no JSON')
    totals.passedOver++
    return
  }
  for (const { rows } of found) totals.rows += rows.length
  compare(found, json)
  totals.compared++
}

/** Another byte of its kind, so that the body mostly stays JSON. */
function likeness(byte: number, choice: number): number {
  if (byte >= 0x30 && byte <= 0x39) return 0x30 + (choice % 10)
  return (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a ? (byte & 0x20) + 0x41 + choice : byte
}

interface Found {
  readonly id: number
  rows: unknown[][]
  isClosed: boolean
}

/** The tables of a body, or undefined when it is refused. */
function read(
  bytes: Uint8Array,
  how: { readonly chunk: number; readonly batchRows: number; readonly types: TypeOptions },
): readonly Found[] | undefined {
  const tables: Found[] = []
  let hasEnded = false
  const reader = new ResponseReader(responseSettings({ batchRows: how.batchRows, types: how.types }))
  const open = (id: number): Found => {
    const table = tables.find((each) => each.id === id && !each.isClosed)
    if (table === undefined || hasEnded) throw new Error(`an event of table ${id}, which is not open`)
    return table
  }
  const drain = (): void => {
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.kind === 'table') tables.push({ id: event.id, rows: [], isClosed: false })
      else if (event.kind === 'batch') open(event.id).rows.push(...plainRows(event.batch))
      else if (event.kind === 'table-reset') open(event.id).rows = []
      else if (event.kind === 'table-end') {
        const table = open(event.id)
        if (table.rows.length !== event.rows) throw new Error('a count of rows that were not delivered')
        table.isClosed = true
      } else if (event.kind === 'end') hasEnded = true
    }
  }
  try {
    for (let at = 0; at < bytes.length; at += how.chunk) {
      reader.write(bytes.slice(at, at + how.chunk))
      drain()
    }
    reader.close()
    drain()
  } catch (error) {
    if (error instanceof KustoError) return undefined
    throw error
  }
  if (!hasEnded) throw new Error('neither an error nor the end')
  if (tables.some(({ isClosed }) => !isClosed)) throw new Error('the end before that of a table')
  return tables
}

function compare(found: readonly Found[], json: unknown): void {
  const isV2 = Array.isArray(json)
  const model: readonly ModelTable[] = isV2 ? tablesOfV2(json) : tablesOfV1(json as object)
  if (isV2 && model.length !== found.length) throw new Error(`${found.length} tables, JSON has ${model.length}`)
  for (const [place, table] of found.entries()) {
    const want = isV2 ? model[place] : model.find(({ id }) => id === table.id)
    if (want === undefined || want.id !== table.id) throw new Error(`table ${table.id} is not in the JSON`)
    // An exception among the rows of V1 or a replaced row would have been an error.
    if (want.rows.length !== table.rows.length) {
      throw new Error(`${table.rows.length} rows, JSON has ${want.rows.length}`)
    }
    for (const [row, cells] of table.rows.entries()) {
      for (const [index, cell] of cells.entries()) {
        const type = want.types[index] ?? ''
        const value = want.rows[row]?.[index]
        if (!isSameCell(type, cell, value, isV2 ? 'containers' : 'anything')) {
          throw new Error(`${type} [${row}][${index}]: found ${String(cell)}, JSON has ${JSON.stringify(value)}`)
        }
      }
    }
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

/** mulberry32: the same numbers in every run. */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
