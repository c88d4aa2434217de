import { existsSync } from 'node:fs'
import type { RecordBatch } from 'apache-arrow'
import { benchmarkWrite } from '../index.ts'
import type { BatchInput, WriteChoice, WriteSweep } from '../index.ts'
import { FLIGHTS_FILE } from './bench-export-run.ts'
import { benchOptions, checkBenchOutputs, finishBench, numbers, sizeInBytes, sweepFile } from './bench-run.ts'
import type { CliCall } from './cli-command.ts'
import { inputOf } from './input-files.ts'
import { openConnection } from './open-connection.ts'
import { usageError } from './usage-error.ts'

/** Enough for several blobs of a small size. */
const DEFAULT_ROWS = 1_000_000

/** Measures, and writes the result where flags say. */
export async function runBenchWrite(call: CliCall): Promise<number> {
  const { operands, flags } = call
  if (operands.length === 0 && !flags.on('local')) throw usageError('needs files to write, or --local')
  const sweep = await sweepOf(call)
  await checkBenchOutputs(call)
  await using connection = await openConnection(call, { memoryLimit: '512MB' })
  const result = await benchmarkWrite(connection.kusto, await dataOf(call), {
    ...benchOptions(call),
    ...(sweep === undefined ? {} : { sweep }),
  })
  return await finishBench(call, result)
}

async function dataOf(call: CliCall): Promise<BatchInput> {
  const { operands } = call
  if (operands.length > 0) return (await inputOf(operands, { call })).batches
  if (!existsSync(FLIGHTS_FILE)) return madeUpRows()
  return firstBatches((await inputOf([FLIGHTS_FILE], { call })).batches)
}

async function* firstBatches(batches: AsyncIterable<RecordBatch>): AsyncGenerator<RecordBatch> {
  let left = DEFAULT_ROWS
  for await (const batch of batches) {
    yield batch.slice(0, left)
    left -= batch.numRows
    if (left <= 0) return
  }
}

function* madeUpRows(): Generator<Readonly<Record<string, unknown>>> {
  for (let id = 0; id < DEFAULT_ROWS; id++) {
    yield { Id: id, Time: new Date(1_767_225_600_000 + id * 1000), Name: `name ${id % 1000}`, Value: id * 0.25 }
  }
}

async function sweepOf(call: CliCall): Promise<WriteSweep | readonly WriteChoice[] | undefined> {
  const { flags } = call
  const given = ['format', 'compression', 'blob-size', 'uploads', 'encode-workers'].filter((name) =>
    flags.isGiven(name),
  )
  const fromFile = await sweepFile(call, given)
  if (fromFile !== undefined) return fromFile
  if (given.length === 0) return undefined
  const lists: Readonly<Record<string, unknown>> = {
    ...(flags.isGiven('format') ? { format: flags.list('format') } : {}),
    ...(flags.isGiven('compression') ? { compression: flags.list('compression') } : {}),
    ...(flags.isGiven('blob-size')
      ? { maxBlobBytes: flags.list('blob-size').map((text) => sizeInBytes('blob-size', text)) }
      : {}),
    ...(flags.isGiven('uploads') ? { uploads: numbers(call, 'uploads') } : {}),
    ...(flags.isGiven('encode-workers') ? { encodeWorkers: numbers(call, 'encode-workers') } : {}),
  }
  return lists
}
