import { crc32, deflateRawSync, gunzipSync, inflateRawSync } from 'node:zlib'
import type { RecordBatch } from 'apache-arrow'
import { encodeCsv } from '../src/arrow/encode-csv.ts'
import { gzipMember } from '../src/arrow/gzip-member.ts'
import { csvOf, type CsvBench, FLIGHTS, withSubject } from './csv-subjects.ts'
import { type Cost, costOf, machine, ratioOf, round, summarize } from './measure.ts'
import { threadScaling } from './thread-scaling.ts'

const REPETITIONS = Number(process.env['BENCH_REPETITIONS'] ?? 7)
const BLOCK_BYTES = 1 << 20
const HEADER_BYTES = 10
const TRAILER_BYTES = 8

/**
 * Record batches to one gzip member: on one thread, which encodes a megabyte of text and then deflates it, and with libuv's
 * pool deflating while the calling thread encodes, as a write does it. Level 1 and blocks of a megabyte on both sides, so
 * that they make nearly the same bytes. In turns, each side once before; the member is inflated and compared first.
 */
export async function main(): Promise<void> {
  const facts = machine()
  const twoThreadsHere = await threadScaling()
  const result = await withSubject(FLIGHTS, async (bench) => {
    const raw = await compareMember(bench)
    let gzipped = 0
    let alone = 0
    onOneThread(bench)
    const costs: Record<'one' | 'two', Cost[]> = { one: [], two: [] }
    for (let repetition = 0; repetition < REPETITIONS; repetition++) {
      costs.one.push(await costOf(() => Promise.resolve((alone = onOneThread(bench)))))
      costs.two.push(await costOf(async () => (gzipped = (await onTwoThreads(bench)).length)))
    }
    const [oneThread, twoThreads] = [summarize(costs.one), summarize(costs.two)]
    return {
      rows: bench.subject.rows,
      megabytes: round(raw / 1e6),
      gzippedMegabytes: { oneThread: round(alone / 1e6), twoThreads: round(gzipped / 1e6) },
      oneThread,
      twoThreads,
      ratioToOneThread: ratioOf(twoThreads, oneThread),
    }
  })
  console.log(JSON.stringify({ bench: 'csv-gzip', ...facts, must: { oneThread: 1.4 }, twoThreadsHere, ...result }))
}

/** Bytes of the same member made without help: blocks deflated in place, then header and trailer. */
function onOneThread({ batches }: CsvBench): number {
  let bytes = HEADER_BYTES + TRAILER_BYTES
  for (const piece of textOf(batches)) {
    for (let at = 0; at < piece.length; at += BLOCK_BYTES) {
      const block = piece.subarray(at, at + BLOCK_BYTES)
      bytes += deflateRawSync(block, { level: 1 }).length
      crc32(block)
    }
  }
  return bytes
}

/** The CSV of all batches in pieces of at most a megabyte. */
function* textOf(batches: readonly RecordBatch[]): Generator<Uint8Array> {
  for (const batch of batches) {
    for (let startRow = 0; startRow < batch.numRows;) {
      const { bytes, nextRow } = encodeCsv(batch, { startRow, maxBytes: BLOCK_BYTES })
      startRow = nextRow
      yield bytes
    }
  }
}

async function onTwoThreads({ batches }: CsvBench): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of gzipMember(textOf(batches), { blockBytes: BLOCK_BYTES })) parts.push(part)
  return Buffer.concat(parts)
}

/** The member holds the CSV byte for byte, and nothing follows it. Returns the bytes of CSV. */
async function compareMember(bench: CsvBench): Promise<number> {
  const member = await onTwoThreads(bench)
  const csv = Buffer.concat([...csvOf(bench.batches)])
  if (!gunzipSync(member).equals(csv)) throw new Error('expected gunzip to give back the CSV')
  const { engine } = inflateRawSync(member.subarray(HEADER_BYTES), { info: true }) as unknown as {
    readonly engine: { readonly bytesWritten: number }
  }
  const used = HEADER_BYTES + engine.bytesWritten + TRAILER_BYTES
  if (used !== member.length) throw new Error(`expected one member of ${member.length} bytes, found its end at ${used}`)
  return csv.length
}
