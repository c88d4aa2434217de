import { RecordBatch, Table, tableFromJSON, type Vector } from 'apache-arrow'
import { KustoResultTable } from 'azure-kusto-data'
import { responseSettings } from '../src/protocol/read-response.ts'
import { ResponseReader } from '../src/protocol/response-reader.ts'
import { type Body, flightsBody, mixedBody } from './flights-bodies.ts'
import { type Cost, costOf, machine, type Ratio, ratioOf, round, summarize, type Summary } from './measure.ts'

const REPETITIONS = Number(process.env['BENCH_REPETITIONS'] ?? 7)
const SLOW_REPETITIONS = Math.min(5, REPETITIONS)
/** The share of the rows that azure-kusto-data reads; it takes as long per row whatever their number, or longer. */
const SLOW_SHARE = 5
const CHUNK_BYTES = 256 * 1024

/**
 * Response bytes -> Arrow, against `JSON.parse(bytes.toString())`, which makes no columns at all, and against
 * azure-kusto-data rows + tableFromJSON, both sides on a fifth of the rows. Prints one JSON line. Every cell is compared
 * with JSON.parse before times are taken; all sides run interleaved. Ratios are of medians; those of processor time say
 * more than those of the clock on a machine that others use too.
 */
export async function main(): Promise<void> {
  const facts = machine()
  const results: object[] = []
  for (const make of [flightsBody, mixedBody]) results.push(await measure(make))
  console.log(JSON.stringify({ bench: 'decode', ...facts, must: { jsonParse: 4, azureKustoData: 20 }, results }))
}

async function measure(make: (rows?: number) => Body): Promise<object> {
  const body = make()
  compareAnswers(body)
  const bytes = body.bytes
  const [ours, jsonParse] = await inTurns(REPETITIONS, [
    () => decode(bytes).numRows,
    () => (JSON.parse(bytes.toString()) as unknown[]).length,
  ])
  const share = make(Math.floor(body.rows / SLOW_SHARE))
  const [oursOfShare, azureKustoData] = await inTurns(SLOW_REPETITIONS, [
    () => decode(share.bytes).numRows,
    () => decodeWithSdk(share.bytes).numRows,
  ])
  return {
    body: body.name,
    megabytes: round(bytes.length / 1e6),
    rows: body.rows,
    ours,
    jsonParse,
    megabytesPerSecond: round(bytes.length / 1e3 / ours.medianMs),
    azureKustoDataRows: share.rows,
    oursOfShare,
    azureKustoData,
    ratioToJsonParse: ratioOf(ours, jsonParse) satisfies Ratio,
    ratioToAzureKustoData: ratioOf(oursOfShare, azureKustoData),
  }
}

/** Both sides one after the other, once each before and then so many times. */
async function inTurns(
  repetitions: number,
  [ours, theirs]: readonly [() => number, () => number],
): Promise<readonly [Summary, Summary]> {
  const costs: readonly [Cost[], Cost[]] = [[], []]
  const run = async (work: () => number): Promise<void> => {
    if (work() === 0) throw new Error('expected rows')
  }
  await run(ours)
  await run(theirs)
  for (let repetition = 0; repetition < repetitions; repetition++) {
    costs[0].push(await costOf(() => run(ours), { collect: false }))
    costs[1].push(await costOf(() => run(theirs), { collect: false }))
  }
  return [summarize(costs[0]), summarize(costs[1])]
}

function decode(bytes: Uint8Array): Table {
  const reader = new ResponseReader(responseSettings())
  const batches: RecordBatch[] = []
  const drain = (): void => {
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.kind === 'batch') batches.push(event.batch)
    }
  }
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    reader.write(bytes.subarray(at, at + CHUNK_BYTES))
    drain()
  }
  reader.close()
  drain()
  return new Table(batches)
}

function decodeWithSdk(bytes: Buffer): Table {
  // What its KustoResponseDataSetV2, which is not exported, does with a body.
  const frames = JSON.parse(bytes.toString()) as (ConstructorParameters<typeof KustoResultTable>[0] & {
    TableKind?: string
  })[]
  const frame = frames.find(({ TableKind }) => TableKind === 'PrimaryResult')
  if (frame === undefined) throw new Error('expected a primary result')
  const primary = new KustoResultTable(frame)
  const rows = [...primary.rows()].map((row): Record<string, unknown> => row.toJSON())
  return tableFromJSON(rows)
}

/** Every cell against JSON.parse, each type by a conversion of its own. */
function compareAnswers(body: Body): void {
  const frames = JSON.parse(body.bytes.toString()) as { FrameType: string; Rows?: unknown[][] }[]
  const expected = frames.find((frame) => frame.FrameType === 'DataTable')?.Rows ?? []
  const table = decode(body.bytes)
  if (table.numRows !== expected.length) throw new Error(`expected ${expected.length} rows, found ${table.numRows}`)
  for (const [index, [name, type]] of body.columns.entries()) {
    const cells = cellReader(type)
    let row = 0
    for (const batch of table.batches) {
      const vector = batch.getChildAt(index)
      if (vector === null) throw new Error(`expected column ${name}`)
      for (let i = 0; i < batch.numRows; i++, row++) {
        const found = cells.ours(vector, i)
        const want = cells.theirs(expected[row]?.[index])
        if (!Object.is(found, want))
          throw new Error(`${name}[${row}]: expected ${String(want)}, found ${String(found)}`)
      }
    }
  }
}

interface CellReader {
  readonly ours: (vector: Vector, row: number) => unknown
  readonly theirs: (json: unknown) => unknown
}

function cellReader(type: string): CellReader {
  const raw = (vector: Vector, row: number): unknown => {
    if (vector.nullCount > 0 && !vector.isValid(row)) return null
    const data = vector.data[0]
    return data === undefined ? undefined : Number((data.values as BigInt64Array)[row])
  }
  const value = (vector: Vector, row: number): unknown => vector.get(row)
  const same = (json: unknown): unknown => json
  switch (type) {
    case 'long':
      return { ours: raw, theirs: same }
    case 'datetime':
      return { ours: raw, theirs: (json) => (typeof json === 'string' ? microsOf(json) : json) }
    case 'timespan':
      return { ours: raw, theirs: (json) => (typeof json === 'string' ? spanMicrosOf(json) : json) }
    case 'dynamic':
      return { ours: value, theirs: (json) => JSON.stringify(json) }
    default:
      return { ours: value, theirs: same }
  }
}

function microsOf(text: string): number {
  const [seconds = '', fraction = ''] = text.slice(0, -1).split('.')
  return Date.parse(`${seconds}Z`) * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6))
}

function spanMicrosOf(text: string): number {
  const [, sign, days = '0', hours, minutes, seconds] = /^(-?)(?:(\d+)\.)?(\d+):(\d+):(\d+)$/.exec(text) ?? []
  const total = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)
  return total === 0 ? 0 : total * 1e6 * (sign === '-' ? -1 : 1)
}
