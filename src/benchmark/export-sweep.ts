import type { KustoColumn } from '../arrow/scalar-types.ts'
import { badOption, checkNames } from '../base/check-options.ts'
import type { PartitionBy } from '../source/partition-by.ts'
import { readSettings } from '../source/read-settings.ts'
import type { ReadOptions } from '../source/read-settings.ts'
import type { BenchmarkConfiguration } from './benchmark-result.ts'
import { combinations } from './combinations.ts'

/** One way to read: the options of `kusto.read` that a benchmark compares. `mode` must be `single` or `distributed`. */
export type ExportChoice = Pick<
  ReadOptions,
  'mode' | 'partitions' | 'partitionBy' | 'workers' | 'compression' | 'sizeLimit' | 'distribution'
>

/** Values of each option; every combination is measured. An option that is left out has its default alone. */
export interface ExportSweep {
  readonly mode?: readonly ('single' | 'distributed')[]
  readonly partitions?: readonly number[]
  /** `service`: one export, shared out by size. */
  readonly partitionBy?: readonly ('service' | PartitionBy)[]
  readonly workers?: readonly number[]
  readonly compression?: readonly NonNullable<ReadOptions['compression']>[]
  /** Bytes of a blob before compression; `service` leaves it to the service. */
  readonly sizeLimit?: readonly ('service' | number)[]
  readonly distribution?: readonly NonNullable<ReadOptions['distribution']>[]
}

/** A configuration and the options that make it. */
export interface ExportPoint {
  readonly configuration: BenchmarkConfiguration
  readonly options: ExportChoice
}

/** What a sweep may vary. */
export const SWEEP_NAMES: readonly (keyof ExportSweep)[] = [
  'mode',
  'partitions',
  'partitionBy',
  'workers',
  'compression',
  'sizeLimit',
  'distribution',
]

/**
 * The configurations of a sweep, each once, with every choice made.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION for an unknown name, a bad value or an empty sweep
 */
export function exportPoints(sweep: ExportSweep | readonly ExportChoice[]): readonly ExportPoint[] {
  const choices: readonly ExportChoice[] = isList(sweep) ? sweep : combinations(sweep, SWEEP_NAMES)
  const points = new Map<string, Omit<BenchmarkConfiguration, 'id'> & { readonly options: ExportChoice }>()
  for (const choice of choices) {
    const options = completeChoice(choice)
    const parameters = parametersOf(options)
    const key = JSON.stringify(parameters)
    if (!points.has(key)) points.set(key, { parameters, label: labelOf(parameters), options })
  }
  if (points.size === 0) throw badOption('expected a sweep of at least one configuration, found none')
  return [...points.values()].map(({ options, ...rest }, index) => ({
    configuration: { id: `c${index + 1}`, ...rest },
    options,
  }))
}

/**
 * The sweep that is measured when none is given: the single query; an export with partitions and workers as the machine has
 * cores; and, at as many partitions as workers, other codecs and partitions by a column.
 */
export function defaultExportSweep(cores: number, columns: readonly KustoColumn[]): readonly ExportChoice[] {
  const most = Math.max(1, Math.min(8, cores))
  const workers = [...new Set([1, Math.ceil(most / 2), most])]
  const partitions = [1, 2, 4, 8, 16].filter((count) => count <= 2 * most)
  const base = { mode: 'distributed', partitions: most, workers: most } as const
  return [
    { mode: 'single' },
    ...partitions.flatMap((count) =>
      workers.map((threads): ExportChoice => ({ mode: 'distributed', partitions: count, workers: threads })),
    ),
    base,
    { ...base, compression: 'zstd' },
    { ...base, compression: 'none' },
    ...cutsOf(columns).map((partitionBy) => ({ ...base, partitionBy })),
  ]
}

function cutsOf(columns: readonly KustoColumn[]): readonly PartitionBy[] {
  const hashed = columns.find(({ type }) => type === 'string' || type === 'guid' || type === 'long')
  const ranged =
    columns.find(({ type }) => type === 'datetime') ??
    columns.find(({ type }) => ['long', 'int', 'real', 'decimal'].includes(type))
  return [
    ...(hashed === undefined ? [] : [{ kind: 'hash', column: hashed.name } as const]),
    ...(ranged === undefined ? [] : [{ kind: 'range', column: ranged.name } as const]),
  ]
}

function isList(sweep: ExportSweep | readonly ExportChoice[]): sweep is readonly ExportChoice[] {
  return Array.isArray(sweep)
}

/** Leaves out what does not apply, so that a single query is one configuration. */
function completeChoice(choice: ExportChoice): ExportChoice {
  checkNames(choice, SWEEP_NAMES)
  const { mode = 'distributed', distribution, sizeLimit, partitionBy, ...rest } = choice
  if (mode === 'auto') throw badOption("expected the mode of a benchmark to be 'single' or 'distributed', found 'auto'")
  const settings = readSettings({ ...choice, mode })
  if (mode === 'single') return { mode }
  const bounds = partitionBy?.kind === 'range' ? partitionBy.bounds : undefined
  return {
    ...rest,
    mode,
    partitions: Array.isArray(bounds) ? bounds.length + 1 : settings.partitions,
    workers: settings.workers,
    compression: settings.compression,
    ...(partitionBy === undefined ? {} : { partitionBy }),
    ...(sizeLimit === undefined ? {} : { sizeLimit }),
    ...(distribution === undefined ? {} : { distribution }),
  }
}

function parametersOf(options: ExportChoice): BenchmarkConfiguration['parameters'] {
  const { mode = 'distributed', partitions = 1, workers = 1, compression = 'snappy', partitionBy } = options
  if (mode === 'single') return { mode }
  return {
    mode,
    partitions,
    workers,
    partitionBy: partitionBy === undefined ? 'service' : partitionByText(partitionBy),
    compression,
    ...(options.sizeLimit === undefined ? {} : { sizeLimit: options.sizeLimit }),
    ...(options.distribution === undefined ? {} : { distribution: options.distribution }),
  }
}

function partitionByText(by: PartitionBy): string {
  if (by.kind === 'hash') return `hash(${by.column})`
  const { bounds = 'equal-width' } = by
  if (bounds === 'equal-width') return `range(${by.column})`
  return `range(${by.column}, ${typeof bounds === 'string' ? bounds : bounds.map(boundText).join(', ')})`
}

function boundText(bound: number | bigint | Date): string {
  return bound instanceof Date ? bound.toISOString() : String(bound)
}

function labelOf(parameters: BenchmarkConfiguration['parameters']): string {
  const { mode, partitions, workers, partitionBy, compression, sizeLimit, distribution } = parameters
  if (mode === 'single') return 'single query'
  return [
    plural(Number(partitions), 'partition'),
    ...(partitionBy === 'service' ? [] : [`by ${String(partitionBy)}`]),
    plural(Number(workers), 'worker'),
    String(compression),
    ...(sizeLimit === undefined ? [] : [`blobs of ${String(sizeLimit)} bytes`]),
    ...(distribution === undefined ? [] : [String(distribution)]),
  ].join(', ')
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
