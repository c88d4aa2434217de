import { existsSync } from 'node:fs'
import path from 'node:path'
import { benchmarkExport } from '../index.ts'
import type { ExportChoice, ExportSweep, PartitionBy } from '../index.ts'
import { benchOptions, checkBenchOutputs, finishBench, numbers, sizeInBytes, sweepFile } from './bench-run.ts'
import type { CliCall } from './cli-command.ts'
import { openConnection } from './open-connection.ts'
import { queryOf, queryText } from './read-query.ts'
import { usageError } from './usage-error.ts'

/** Where npm puts the flights, seen from the folder the command is run in. */
export const FLIGHTS_FILE: string = path.join('node_modules', 'vega-datasets', 'data', 'flights-3m.parquet')

const MADE_UP =
  'range Id from 1 to 1000000 step 1 | project Id, Time = datetime(2026-01-01) + Id * 1s, ' +
  "Name = strcat('name ', Id % 1000), Value = Id * 0.25"

/** Measures, and writes the result where flags say. */
export async function runBenchExport(call: CliCall): Promise<number> {
  const { operands, flags } = call
  const isDefault = operands.length === 0 && !flags.isGiven('file') && flags.on('local')
  const hasFlights = isDefault && existsSync(FLIGHTS_FILE)
  const text = isDefault ? (hasFlights ? 'Flights' : MADE_UP) : await queryText(call)
  const sweep = await sweepOf(call)
  await checkBenchOutputs(call)
  await using connection = await openConnection(call, {
    mentions: text,
    memoryLimit: '512MB',
    ...(hasFlights && !flags.isGiven('load') ? { loads: [`Flights=${FLIGHTS_FILE}`] } : {}),
  })
  const result = await benchmarkExport(connection.kusto, queryOf(text, flags.list('param')), {
    ...benchOptions(call),
    ...(sweep === undefined ? {} : { sweep }),
  })
  return await finishBench(call, result)
}

/** What flags or a file say; undefined for the default. */
async function sweepOf(call: CliCall): Promise<ExportSweep | readonly ExportChoice[] | undefined> {
  const { flags } = call
  const given = ['mode', 'partitions', 'partition-by', 'workers', 'compression', 'size-limit'].filter((name) =>
    flags.isGiven(name),
  )
  const fromFile = await sweepFile(call, given)
  if (fromFile !== undefined) return fromFile
  if (given.length === 0) return undefined
  const lists: Readonly<Record<string, unknown>> = {
    mode: flags.isGiven('mode') ? flags.list('mode') : ['single', 'distributed'],
    ...(flags.isGiven('partitions') ? { partitions: numbers(call, 'partitions') } : {}),
    ...(flags.isGiven('workers') ? { workers: numbers(call, 'workers') } : {}),
    ...(flags.isGiven('partition-by') ? { partitionBy: flags.list('partition-by').map(partitionByOf) } : {}),
    ...(flags.isGiven('compression') ? { compression: flags.list('compression') } : {}),
    ...(flags.isGiven('size-limit')
      ? {
          sizeLimit: flags
            .list('size-limit')
            .map((text) => (text === 'service' ? text : sizeInBytes('size-limit', text))),
        }
      : {}),
  }
  return lists
}

function partitionByOf(text: string): 'service' | PartitionBy {
  if (text === 'service') return text
  const [, kind, column] = /^(hash|range|quantiles):(.+)$/s.exec(text) ?? []
  if (column === undefined) {
    throw usageError(
      `expected --partition-by to be service, hash:COLUMN, range:COLUMN or quantiles:COLUMN, found ${text}`,
    )
  }
  if (kind === 'hash') return { kind, column }
  return kind === 'range' ? { kind, column } : { kind: 'range', column, bounds: 'quantiles' }
}
