import type { StreamingWriteOptions, WriteOptions } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import type { Input } from './input-files.ts'
import { formatBytes, formatCount, formatNumberOf, formatRows } from './quantities.ts'

type QueuedEvent = Parameters<NonNullable<WriteOptions['onEvent']>>[0]
type StreamedEvent = Parameters<NonNullable<StreamingWriteOptions['onEvent']>>[0]
type AnyEvent = QueuedEvent | StreamedEvent

type Handlers = {
  readonly [Kind in AnyEvent['kind']]?: (event: Extract<AnyEvent, { readonly kind: Kind }>) => void
}

/** Follows a write for the person at the terminal. */
export interface WriteTelling {
  readonly start: (input: Input) => void
  readonly onRows: (rows: number) => void
  readonly onEvent: (event: AnyEvent) => void
}

export function tellWrite({ screen }: CliCall): WriteTelling {
  const { progress } = screen
  let rows = 0
  let bytes = 0
  const handlers: Handlers = {
    skipped: ({ tag }) => screen.note(`nothing was written: an extent carries ingest-by:${tag}`),
    'table-created': ({ table }) => screen.note(`created table ${table}`),
    'columns-added': ({ table, columns }) => screen.note(`added to table ${table}: ${columns.join(', ')}`),
    format: ({ format, reason }) => screen.detail(`blobs are ${format}: ${reason}`),
    'blob-uploaded'({ encodedBytes, rows: ofBlob }) {
      bytes += encodedBytes
      progress.update({ bytes })
      screen.detail(`uploaded a blob of ${formatRows(ofBlob)}, ${formatBytes(encodedBytes)}`)
    },
    'piece-streamed'({ rawBytes }) {
      bytes += rawBytes
      progress.update({ bytes })
    },
    retry: ({ phase, attempt, reason }) => screen.detail(`${phase} is tried again after attempt ${attempt}: ${reason}`),
    'values-at-risk'({ oversizeCells, cutTimes }) {
      if (oversizeCells > 0)
        screen.warn(`${formatNumberOf(oversizeCells, 'cell')} over 1 MiB: the service may cut them`)
      if (cutTimes > 0) screen.warn(`digits below 100 ns were cut of ${formatCount(cutTimes)} times`)
    },
    'blobs-queued': ({ total, via }) => screen.detail(`queued ${formatNumberOf(total.blobs, 'blob')} by ${via}`),
    'uploads-removed'({ removed, failed }) {
      screen.note(`deleted ${formatNumberOf(removed, 'blob')} that ${removed === 1 ? 'was' : 'were'} not queued`)
      if (failed > 0) screen.warn(`${formatNumberOf(failed, 'blob')} could not be deleted`)
    },
    'ingestion-waiting'({ succeeded, pending, failed }) {
      progress.update({
        note: `${formatNumberOf(succeeded, 'blob')} in, ${pending} to go${failed > 0 ? `, ${failed} failed` : ''}`,
      })
    },
    'rows-staged': ({ rows: staged, stagingTable }) =>
      screen.detail(`${formatRows(staged)} loaded into ${stagingTable}`),
    'extents-moved': ({ table, movedExtents, droppedExtents }) =>
      screen.detail(
        `moved ${formatNumberOf(movedExtents, 'extent')} into ${table}${droppedExtents > 0 ? `, dropped ${droppedExtents}` : ''}`,
      ),
  }
  return {
    start({ files, rows: totalRows }) {
      progress.phase(
        files.length === 1
          ? `writing ${files[0] === '-' ? 'standard input' : (files[0] ?? '')}`
          : `writing ${formatNumberOf(files.length, 'file')}`,
        {
          rows: 0,
          ...(totalRows === undefined ? {} : { totalRows }),
        },
      )
    },
    onRows(more) {
      rows += more
      progress.update({ rows })
    },
    onEvent(event) {
      screen.event(event)
      // The handler found under a kind takes the events of that kind.
      handlers[event.kind]?.(event as never)
    },
  }
}
