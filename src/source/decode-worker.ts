import { Table, tableToIPC } from 'apache-arrow'
import { kTransferable, kValue, Tinypool } from 'tinypool'
import { castBatch } from '../arrow/cast-batch.ts'
import { openParquet } from '../arrow/parquet-decode.ts'
import { arrowSchema } from '../arrow/scalar-types.ts'
import { KustoDataError, KustoError } from '../errors.ts'
import type { DecodeAnswer, DecodeTask, DecodedBlob } from './decode-pool.ts'

/** Runs in a worker thread: Parquet bytes to an Arrow IPC stream in the query's schema, row group by row group. */
export default async function decodeTask(task: DecodeTask): Promise<unknown> {
  try {
    return moved(await decodeBlob(task))
  } catch (error) {
    if (!(error instanceof KustoError)) throw error
    return failure(error)
  }
}

/** Errors lose their class and fields between threads, so they travel as data. */
function failure(error: KustoError): DecodeAnswer {
  const { code, message } = error
  if (!(error instanceof KustoDataError)) return { kind: 'protocol-error', code, message }
  const { column, row, type } = error
  return { kind: 'data-error', code, message, column, row, type }
}

async function decodeBlob({ parquet, columns, types, batchRows }: DecodeTask): Promise<DecodedBlob> {
  const schema = arrowSchema(columns, types)
  const file = await openParquet(parquet)
  try {
    const batches = []
    let lostTicks = 0
    let rowOffset = 0
    for await (const decoded of file.batches({ columns: columns.map((column) => column.name), batchRows })) {
      const cast = castBatch(decoded, schema, { rowOffset })
      rowOffset += decoded.numRows
      lostTicks += cast.lostTicks
      batches.push(cast.batch)
    }
    const ipc = tableToIPC(new Table(schema, batches), 'stream')
    return { kind: 'decoded', ipc, footerRows: file.rows, lostTicks }
  } finally {
    file.close()
  }
}

/** Marks the answer so that the pool transfers its buffer instead of copying it. */
function moved(answer: DecodedBlob): unknown {
  return Tinypool.move({ [kTransferable]: answer.ipc.buffer, [kValue]: answer })
}
