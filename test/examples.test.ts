import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '..')
const run = promisify(execFile)

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-examples-'))
  await run(
    process.execPath,
    [
      path.join(ROOT, 'node_modules/typescript/bin/tsc'),
      '-p',
      'docs/examples',
      '--outDir',
      path.join(ROOT, 'build/examples'),
    ],
    {
      cwd: ROOT,
    },
  )
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function example(name: string, ...args: readonly string[]): Promise<Ended> {
  try {
    const { stdout, stderr } = await run(process.execPath, [path.join(ROOT, 'build/examples', name), ...args], {
      cwd: ROOT,
    })
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as Ended
    return { code, stdout, stderr }
  }
}

describe('docs/examples', () => {
  it('quickstart writes and reads, and is the code of the README', async () => {
    const { code, stdout, stderr } = await example('quickstart.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/'ATL' *│ *2/)
    expect(stdout).toMatch(/'JFK' *│ *1/)
    expect(stdout).not.toContain('LAX')
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('4')
    const readme = await readFile(path.join(ROOT, 'README.md'), 'utf8')
    const quickstart = await readFile(path.join(ROOT, 'docs/examples/quickstart.ts'), 'utf8')
    for (const line of quickstart
      .split('\n')
      .filter((text) => /^(await using|const receipt|await receipt)/.test(text))) {
      expect(readme).toContain(line.replace(/\)$/, ')'))
    }
  })

  it('read-verbs gives the rows its comments promise', async () => {
    const { code, stdout, stderr } = await example('read-verbs.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const line of [
      /^either 2$/m,
      /^spring 2$/m,
      /^worst Int32Array\(2\) \[ 75, 61 \]$/m,
      /^origins 3$/m,
      /^two 2$/m,
    ]) {
      expect(stdout).toMatch(line)
    }
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('here 2')
  })

  it('read-modes tells each way and why', async () => {
    const { code, stdout, stderr } = await example('read-modes.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^auto\n {2}single: the whole result fits/m)
    expect(stdout).toMatch(/past a limit\n {2}distributed: one query does not carry/)
    expect(stdout).toMatch(/count first\n {2}distributed: a count found more than 5000 rows/)
    expect(stdout).toMatch(/new export\n {2}20000 rows\n {2}distributed: as asked\n {2}kept export\n {2}20000 rows/)
    expect(stdout).toMatch(/\.export async compressed to parquet \(h".*\*{5}"\)/)
  })

  it('read-options reads with a schema, and with the options of a Spark job', async () => {
    const { code, stdout, stderr } = await example('read-options.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('n: Int32, 1: half: Float64')
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('rows 10')
  })

  it('read-partitions reads every row once in each of three ways', async () => {
    const { code, stdout, stderr } = await example('read-partitions.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.trimEnd().split('\n')).toEqual(['partitions 4 rows 20000', 'by plan 10000', 'in threads 200010000'])
  })

  it('write-transactional shows rows all at once, once, and in the place of others', { timeout: 300_000 }, async () => {
    const { code, stdout, stderr } = await example('write-transactional.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^first 1000 moved \d+$/),
      'again 0 true',
      'rows 1000',
      'corrected replaced 1400',
      'replaced 10',
      'left 0',
    ])
  })

  it('streaming-file streams what fits into a request and queues what does not', async () => {
    const { code, stdout, stderr } = await example('streaming-file.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe('streamed 14 it fits\nqueued 7000 source-too-large\nrows 1002\n')
  })

  it('ingest-stream streams from a generator, and falls back to the queue when it is throttled', async () => {
    const { code, stdout, stderr } = await example('ingest-stream.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe('stream 1\nnot tried for 10000 ms: throttled\nqueued 1\nrows 5\n')
  })

  it('write-stream writes what a generator gives, and tells how far', { timeout: 300_000 }, async () => {
    const { code, stdout, stderr } = await example('write-stream.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.trimEnd().split('\n')).toEqual([
      'batch of 1000 ended by rows',
      'batch of 1000 ended by rows',
      'batch of 500 ended by end',
      'written 2500 up to 2499',
      'rows 2500',
    ])
  })

  it('exactly-once is killed, goes on, and has every row once', { timeout: 300_000 }, async () => {
    const { code, stdout, stderr } = await example('exactly-once.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe('ended by SIGKILL\nended by 0\nrows 1000 different 1000\n')
  })

  it('micro-batch skips the batch that comes again', { timeout: 300_000 }, async () => {
    const { code, stdout, stderr } = await example('micro-batch.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe('batch 0 3 rows\nbatch 1 3 rows\nbatch 1 was there\nbatch 2 3 rows\nrows 9\n')
  })

  it('write-options explains, skips what is there, maps, and traces rows to their blob', async () => {
    const { code, stdout, stderr } = await example('write-options.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^as it is: KUSTO_SCHEMA_MISMATCH only-in-data gate$/m)
    expect(stdout).toMatch(/^ {2}\.alter-merge table \['Flights'\] \(\['gate'\]:string\)$/m)
    expect(stdout).toMatch(/^attempt 1 2 rows\nattempt 2 skipped\nrows with the URL of their blob 1$/m)
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('rows 4')
  })

  it('write-rows turns text into the types of a table, and names what is none', async () => {
    const { code, stdout, stderr } = await example('write-rows.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^74be27de-1e4e-49d9-b579-fe0b331d3642 1\.02:03:04\.5000000 12\.1 \{"items":\[1,2\]\}$/m)
    expect(stdout).toMatch(/^KUSTO_BAD_TIMESPAN took 1\nReadings sensor:string,value:real\nrows 3$/m)
  })

  it('from-spark-write writes with the options of a Spark job, once', async () => {
    const { code, stdout, stderr } = await example('from-spark-write.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.match(/^note /gm)).toHaveLength(2)
    expect(stdout).toMatch(/^attempt 1 rows 2\nattempt 2 rows 2$/m)
    expect(stdout).toContain('did you mean kustoTable?')
  })

  it('write-receipt completes a stored receipt, and names every blob that failed', async () => {
    const { code, stdout, stderr } = await example('write-receipt.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.trimEnd().split('\n')).toEqual([
      'queued 5000 commands 2',
      expect.stringMatching(/^succeeded [1-9]\d* failed 0$/),
      'rows 5000 in the table 5000',
      'checksum 64',
      expect.stringMatching(/^KUSTO_INGESTION_FAILED Set\(1\) \{ '\w*TableNotExist' \}$/),
    ])
  })

  it('write-own-storage keeps blobs in own storage, or lets the service delete them', async () => {
    const { code, stdout, stderr } = await example('write-own-storage.js')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe('rows 2 blobs kept 1\nrows 4 blobs kept 0\n')
  })

  it('benchmark measures, draws a report and compares', async () => {
    const file = path.join(folder, 'report.html')
    const { code, stdout, stderr } = await example('benchmark.js', file)
    expect(stderr).toMatch(/^1 of \d+: single query, warm-up$/m)
    expect(stdout).toMatch(/^2 partitions, 1 worker, snappy +3 /m)
    expect(stdout).toContain('it measures the client and this machine, not Kusto')
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('configurations: 3 regression: false')
    expect(await readFile(file, 'utf8')).toMatch(/^<!doctype html>[\s\S]*<svg[\s\S]*<\/html>\n$/)
    expect(code).toBe(0)
  })

  it('demo proves that the rows of a file come back', async () => {
    const file = path.join(folder, 'flights.parquet')
    await parquet(
      file,
      "SELECT TIMESTAMP '2001-01-01' + INTERVAL (i) MINUTE AS date, i % 97 AS delay, i AS distance, CASE WHEN i % 3 = 0 THEN 'ATL' ELSE 'LAX' END AS origin, 'D' || (i % 50) AS destination FROM range(60000) t(i)",
    )
    const { code, stdout, stderr } = await example('demo.js', file)
    expect(stderr).toContain('distributed')
    expect(stdout).toMatch(/rows +60000 +60000 +.*same/)
    expect(stdout).not.toContain('DIFFERENT')
    expect(code).toBe(0)
  })

  it('demo ends with code 1 and says so when it cannot read the file', async () => {
    const { code, stderr } = await example('demo.js', path.join(folder, 'absent.parquet'))
    expect(code).toBe(1)
    expect(stderr).toMatch(/ENOENT.*absent\.parquet/)
  })
})

async function parquet(file: string, query: string): Promise<void> {
  const duck = await DuckDBInstance.create(':memory:')
  const connection = await duck.connect()
  await connection.run(`COPY (${query}) TO '${file}' (FORMAT parquet, ROW_GROUP_SIZE 20000)`)
  connection.closeSync()
  duck.closeSync()
}
