import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Data, RecordBatch, Table } from 'apache-arrow'
import { arrowSchema, typeSettings } from '../src/arrow/scalar-types.ts'
import { ByteBudget } from '../src/base/byte-budget.ts'
import { DecodePool } from '../src/source/decode-pool.ts'
import { readAhead } from '../src/source/read-ahead.ts'
import { jobOfProcess } from './child-process.ts'
import { FLIGHTS_COLUMNS, FLIGHTS_ROWS, readInline, sharedCopies } from './flights-parquet.ts'
import { type Cost, costOf } from './measure.ts'

// Runs in a fresh process, as a program reads one way or the other: what one way leaves in the heap is not the other's.

export interface ParquetWorkersJob {
  readonly paths: readonly string[]
  /** Threads; 0 is the calling thread. */
  readonly workers: number
  readonly warmUp: number
  readonly repetitions: number
}

export interface ParquetWorkersOutcome {
  readonly costs: readonly Cost[]
  /** Of all batches and their buffers, in order. */
  readonly digest: string
}

const BATCH_ROWS = 131_072
/** The default of `maxBufferedBytes`. */
const BUDGET_BYTES = 256 * 2 ** 20
const TYPES = typeSettings({})
const SCHEMA = arrowSchema(FLIGHTS_COLUMNS, TYPES)

type SharedBytes = Uint8Array<SharedArrayBuffer>

async function run({ paths, workers, warmUp, repetitions }: ParquetWorkersJob): Promise<ParquetWorkersOutcome> {
  const files = paths.map((path) => readFileSync(path))
  const pool = workers === 0 ? undefined : new DecodePool(workers)
  const read = (copies: readonly SharedBytes[]): Promise<Table> =>
    pool === undefined ? readInline(copies) : readWith(pool, workers, copies)
  try {
    const digest = digestOf(await read(sharedCopies(files)))
    const costs: Cost[] = []
    for (let repetition = -warmUp; repetition < repetitions; repetition++) {
      const copies = sharedCopies(files)
      const cost = await costOf(async () => check((await read(copies)).numRows))
      if (repetition >= 0) costs.push(cost)
    }
    return { costs, digest }
  } finally {
    await pool?.close()
  }
}

/** In order, ahead of the reader, as a read of blobs does it. */
async function readWith(pool: DecodePool, workers: number, files: readonly SharedBytes[]): Promise<Table> {
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

function digestOf(table: Table): string {
  check(table.numRows)
  const hash = createHash('sha256')
  for (const { data } of table.batches) {
    for (const column of data.children) {
      hash.update(`${column.typeId} ${column.length} ${column.nullCount};`)
      for (const view of usedBuffers(column)) hash.update(view)
    }
  }
  return hash.digest('hex')
}

/** Without what pads them. */
function usedBuffers({ valueOffsets, values, nullBitmap, nullCount, length }: Data): readonly Uint8Array[] {
  const validity = nullCount > 0 ? [nullBitmap.subarray(0, Math.ceil(length / 8))] : []
  const offsets: Int32Array | undefined = valueOffsets
  if (offsets === undefined) return [...validity, bytesOf(values)]
  const text: Uint8Array = values.subarray(0, offsets[length])
  return [...validity, bytesOf(offsets.subarray(0, length + 1)), text]
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

process.send?.(await run(jobOfProcess() as ParquetWorkersJob))
