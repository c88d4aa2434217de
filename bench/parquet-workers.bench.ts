import { RecordBatch, Table } from 'apache-arrow'
import { arrowSchema, typeSettings } from '../src/arrow/scalar-types.ts'
import { DecodePool } from '../src/source/decode-pool.ts'
import { ByteBudget } from '../src/base/byte-budget.ts'
import { readAhead } from '../src/source/read-ahead.ts'
import { sharedCopies, FILES, FLIGHTS_COLUMNS, FLIGHTS_ROWS, flightsParquet, readInline } from './flights-parquet.ts'
import { type Cost, costOf, machine, ratioOf, round, summarize } from './measure.ts'
import { threadScaling } from './thread-scaling.ts'

const REPETITIONS = Number(process.env['BENCH_REPETITIONS'] ?? 9)
const WARM_UP = 2
const WORKERS = [2, 1]
const BATCH_ROWS = 131_072
/** The default of `maxBufferedBytes`. */
const BUDGET_BYTES = 256 * 2 ** 20
const TYPES = typeSettings({})
const SCHEMA = arrowSchema(FLIGHTS_COLUMNS, TYPES)

/**
 * The eight files of the `parquet` bench through decoding threads, against the same code on the calling thread. In turns,
 * both warm; each reads copies of its own, which are made before the clock starts. All buffers are compared first.
 */
export async function main(): Promise<void> {
  const facts = machine()
  const twoThreadsHere = await threadScaling()
  const files = await flightsParquet()
  const pools = WORKERS.map((workers) => ({ workers, pool: new DecodePool(workers), costs: [] as Cost[] }))
  const inline: Cost[] = []
  try {
    const expected = await readInline(sharedCopies(files))
    for (const { pool, workers } of pools) compareBuffers(await readWith(pool, workers, sharedCopies(files)), expected)
    for (let repetition = -WARM_UP; repetition < REPETITIONS; repetition++) {
      const copies = sharedCopies(files)
      const cost = await costOf(async () => check((await readInline(copies)).numRows))
      if (repetition >= 0) inline.push(cost)
      for (const { pool, workers, costs } of pools) {
        const own = sharedCopies(files)
        const spent = await costOf(async () => check((await readWith(pool, workers, own)).numRows))
        if (repetition >= 0) costs.push(spent)
      }
    }
  } finally {
    await Promise.all(pools.map(({ pool }) => pool.close()))
  }
  const base = summarize(inline)
  const results = pools.map(({ workers, costs }) => {
    const threads = summarize(costs)
    return { workers, threads, ratio: ratioOf(threads, base) }
  })
  const megabytes = round(files.reduce((sum, file) => sum + file.length, 0) / 1e6)
  const sizes = { files: FILES, rows: FLIGHTS_ROWS, megabytes }
  console.log(
    JSON.stringify({
      bench: 'parquet-workers',
      ...facts,
      must: { workers2: 1 },
      twoThreadsHere,
      ...sizes,
      inline: base,
      results,
    }),
  )
}

/** In order, ahead of the reader, as a read of blobs does it. */
async function readWith(
  pool: DecodePool,
  workers: number,
  files: readonly Uint8Array<SharedArrayBuffer>[],
): Promise<Table> {
  const settings = { columns: FLIGHTS_COLUMNS, types: TYPES, batchRows: BATCH_ROWS }
  const groups = readAhead(
    files,
    async (bytes, signal) => {
      const file = await pool.open(bytes, settings, signal)
      return {
        pieceBytes: file.rowGroups.map((group) => group.bytes),
        read: (rowGroup, inner) => file.read(rowGroup, inner),
        close: () => file.close(),
      }
    },
    {
      lanes: workers + 1,
      piecesAtOnce: workers,
      budget: new ByteBudget(BUDGET_BYTES),
      openBytes: (bytes) => bytes.length,
    },
  )
  const all: RecordBatch[] = []
  for await (const { batches } of groups) {
    for (const batch of batches) all.push(new RecordBatch(SCHEMA, batch.data))
  }
  return new Table(SCHEMA, all)
}

function check(rows: number): void {
  if (rows !== FLIGHTS_ROWS) throw new Error(`expected ${FLIGHTS_ROWS} rows, found ${rows}`)
}

/** Batch by batch: the same rows in the same buffers. */
function compareBuffers(found: Table, expected: Table): void {
  if (found.batches.length !== expected.batches.length) throw new Error(`expected ${expected.batches.length} batches`)
  for (const [index, batch] of expected.batches.entries()) {
    const other = found.batches[index]
    for (const [column, data] of batch.data.children.entries()) {
      const theirs = other?.data.children[column]
      const isSame =
        theirs?.length === data.length &&
        theirs.nullCount === data.nullCount &&
        startsWith(theirs.values, data.values) &&
        startsWith(theirs.valueOffsets, data.valueOffsets)
      if (!isSame) throw new Error(`expected batch ${index}, column ${column} to be the same`)
    }
  }
}

/** IPC pads buffers, so those that came from a thread may be longer. */
function startsWith(found: ArrayBufferView | undefined, expected: ArrayBufferView | undefined): boolean {
  if (expected === undefined || found === undefined) return expected === found
  return bytesOf(found).subarray(0, expected.byteLength).equals(bytesOf(expected))
}

function bytesOf(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength)
}
