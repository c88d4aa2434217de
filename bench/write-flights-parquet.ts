import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { jobOfProcess } from './child-process.ts'
import { FLIGHTS_FILE } from './flights-file.ts'

// Runs in a fresh process: DuckDB writes the flights as Parquet files of equal size, and their paths are sent in order.

export interface FlightsParquetJob {
  readonly folder: string
  readonly files: number
  /** Of all files. */
  readonly rows: number
}

async function write({ folder, files, rows }: FlightsParquetJob): Promise<readonly string[]> {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()
  try {
    await connection.run(`create table flights as select row_number() over () as nr, date, delay::int as delay,
      distance::int as distance, origin, destination from '${FLIGHTS_FILE}'`)
    const paths: string[] = []
    for (let file = 0; file < files; file++) {
      const where = `nr > ${(file * rows) / files} and nr <= ${((file + 1) * rows) / files}`
      const select = `select date, delay, distance, origin, destination from flights where ${where} order by nr`
      const path = join(folder, `part-${file}.parquet`)
      await connection.run(`copy (${select}) to '${path}' (format parquet, compression snappy)`)
      paths.push(path)
    }
    return paths
  } finally {
    connection.closeSync()
  }
}

process.send?.(await write(jobOfProcess() as FlightsParquetJob))
