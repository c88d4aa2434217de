import type { PartitionBy, ReadOptions } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { BOUNDS, COMPRESSIONS, DISTRIBUTIONS, MODES, PARTITION_KINDS, STORAGE_KINDS } from './read-flags.ts'
import { storageOf } from './storage-of.ts'
import { usageError } from './usage-error.ts'

/** The options of a read that flags stand for. */
export function readOptions(call: CliCall): ReadOptions {
  const { flags, signal } = call
  const mode = flags.knows('mode') ? flags.choice('mode', MODES) : undefined
  const partitions = flags.number('partitions')
  const workers = flags.number('workers')
  const timeoutMs = flags.durationMs('timeout')
  const compression = flags.choice('export-compression', COMPRESSIONS)
  const distribution = flags.choice('distribution', DISTRIBUTIONS)
  const sizeLimit = flags.bytes('size-limit')
  const partitionBy = partitionByOf(call)
  const storage = storageOf(call, STORAGE_KINDS)
  return {
    // Small enough that a result of any size is read in a few hundred megabytes.
    batchRows: 32_768,
    maxHeldBytes: 134_217_728,
    maxBufferedBytes: 33_554_432,
    properties: propertiesOf(flags.list('property')),
    keepBlobs: flags.on('keep-blobs'),
    signal,
    ...(mode === undefined ? {} : { mode }),
    ...(partitions === undefined ? {} : { partitions }),
    ...(workers === undefined ? {} : { workers }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(compression === undefined ? {} : { compression }),
    ...(distribution === undefined ? {} : { distribution }),
    ...(sizeLimit === undefined ? {} : { sizeLimit }),
    ...(partitionBy === undefined ? {} : { partitionBy }),
    ...(storage === undefined ? {} : { storage }),
  }
}

function partitionByOf({ flags }: CliCall): PartitionBy | undefined {
  const column = flags.text('partition-by')
  const bounds = flags.choice('partition-bounds', BOUNDS)
  const kind = flags.choice('partition-kind', PARTITION_KINDS) ?? (bounds === undefined ? 'hash' : 'range')
  if (column === undefined) {
    if (flags.isGiven('partition-kind') || bounds !== undefined)
      throw usageError('--partition-kind and --partition-bounds go with --partition-by')
    return undefined
  }
  if (kind === 'range') return { kind, column, bounds: bounds ?? 'equal-width' }
  if (bounds !== undefined) throw usageError('--partition-bounds goes with --partition-kind range')
  return { kind, column }
}

/** Client request properties as `name=value` texts. @throws {KustoUsageError} CLI_USAGE */
export function propertiesOf(texts: readonly string[]): Readonly<Record<string, string | number | boolean>> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, value] = /^(\w+)=(.*)$/s.exec(text) ?? []
      if (name === undefined || value === undefined)
        throw usageError(`expected --property to be NAME=VALUE, found ${text}`)
      const plain = value === 'true' ? true : value === 'false' ? false : /^-?\d+$/.test(value) ? Number(value) : value
      return [name, plain]
    }),
  )
}
