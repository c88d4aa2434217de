import { describe, expect, it } from 'vitest'
import { KustoUsageError } from '../../src/errors.ts'
import { SourceProgress } from '../../src/streaming/source-progress.ts'
import type { RowsToTake } from '../../src/streaming/source-progress.ts'
import { numbers } from './fake-batch-sink.ts'

const rows = (first: number, count: number): readonly RowsToTake[] => [{ batch: numbers(first, count), setup: 's' }]
const open = (): { progress: SourceProgress; acked: unknown[] } => {
  const acked: unknown[] = []
  return { progress: new SourceProgress('T', (position) => void acked.push(position)), acked }
}

describe('the progress of a source', () => {
  it('remembers nothing of a write that was not taken, neither its position nor the rows it would have skipped', () => {
    const { progress } = open()
    progress.resumeFrom({ position: 'a', partialRows: 2 })
    expect(progress.begin(rows(0, 5), 'b').pieces[0]?.batch.numRows).toBe(3)
    const again = progress.begin(rows(0, 5), 'c')
    expect(again).toMatchObject({ write: 0, pieces: [{ batch: { numRows: 3 } }] })
    again.take()
    again.take()
    expect(progress.begin(rows(5, 5), 'd')).toMatchObject({ write: 1, pieces: [{ batch: { numRows: 5 } }] })
    expect(progress.pointAfter({ lastWrite: 0, partialRows: 0 })).toEqual({ position: 'c', partialRows: 0 })
  })

  it('counts rows from the last position, over writes that have none', () => {
    const { progress } = open()
    progress.begin(rows(0, 1), 'a').take()
    progress.begin(rows(1, 4), undefined).take()
    expect(progress.pointAfter({ lastWrite: 0, partialRows: 3 })).toEqual({ position: 'a', partialRows: 3 })
    const next = open().progress
    next.resumeFrom({ position: 'a', partialRows: 3 })
    const first = next.begin(rows(1, 2), undefined)
    first.take()
    expect(first.pieces).toEqual([])
    expect(next.begin(rows(3, 2), undefined).pieces[0]?.batch.numRows).toBe(1)
    expect(next.pointAfter({ lastWrite: -1, partialRows: 1 })).toEqual({ position: 'a', partialRows: 4 })
  })

  it('streaming:T38 refuses a position before all rows of the earlier one were repeated', () => {
    const { progress } = open()
    progress.resumeFrom({ partialRows: 3 })
    expect(() => progress.begin(rows(0, 2), 'a')).toThrow(KustoUsageError)
  })

  it('tells positions in order, when their batches are done', () => {
    const { progress, acked } = open()
    progress.await('a', 1)
    progress.await('b', 3)
    progress.advance(0)
    progress.advance(2)
    expect(acked).toEqual(['a'])
    progress.stop()
    progress.advance(3)
    expect(acked).toEqual(['a'])
  })

  it('tells nothing more once the writer has ended while a position is told', () => {
    const acked: unknown[] = []
    const progress: SourceProgress = new SourceProgress('T', (position) => {
      acked.push(position)
      if (position === 2) progress.stop()
    })
    for (let position = 0; position < 5; position++) progress.await(position, 1)
    progress.advance(1)
    expect(acked).toEqual([0, 1, 2])
  })

  it('takes as long for each of many positions as for one', () => {
    // Taken one by one off the front of an array, so many last for minutes.
    const { progress, acked } = open()
    for (let position = 0; position < 700_000; position++) progress.await(position, 1)
    progress.advance(1)
    expect(acked).toHaveLength(700_000)
  })
})
