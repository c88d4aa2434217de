import { describe, expect, it } from 'vitest'
import { kql } from '../../src/kql/kql.ts'
import { where } from '../../src/kql/filter.ts'
import { dataframe } from '../../src/source/dataframe.ts'
import { KustoRead } from '../../src/source/kusto-read.ts'
import { readSettings } from '../../src/source/read-settings.ts'
import type { ReadOptions } from '../../src/source/read-settings.ts'
import { answering, framesOf } from './answers.ts'
import type { FakeAnswer } from './answers.ts'

const FRAMES = framesOf(
  [
    ['x', 'long'],
    ['d', 'dynamic'],
    ['s', 'string'],
  ],
  Array.from({ length: 200 }, (_, x) => [x, { a: 1 }, `t${x % 2}`]),
)

function read(options: ReadOptions): { readonly read: KustoRead; readonly answers: readonly FakeAnswer[] } {
  const { context, answers } = answering(FRAMES)
  const frame = dataframe({ query: kql`T`, operators: [] }, readSettings(options))
  return { read: new KustoRead(context, frame), answers }
}

describe('a single query whose rows nobody takes gives its connection back', () => {
  const cases: Readonly<Record<string, readonly [ReadOptions, (read: KustoRead) => KustoRead, code?: string]>> = {
    'limit(0) without push-down': [{ pushDown: false }, (all) => all.limit(0)],
    'limit(0) of a read that flows': [{ pushDown: false, mode: 'auto', fallback: 'never' }, (all) => all.limit(0)],
    'limit(0) of a read that holds back': [{ pushDown: false, mode: 'auto', maxHeldBytes: 1 }, (all) => all.limit(0)],
    'a declared schema that does not fit': [{ schema: 'x:datetime' }, (all) => all, 'KUSTO_DECLARED_MISMATCH'],
    'a condition for the service only': [
      { pushDown: false },
      (all) => all.where(where(kql`x > 5`)),
      'KUSTO_NEEDS_PUSHDOWN',
    ],
    'different rows of a dynamic column': [{ pushDown: false }, (all) => all.distinct('d'), 'KUSTO_NEEDS_PUSHDOWN'],
    'a column that is not there, with a sample': [
      { pushDown: false, types: { dictionary: 'auto' } },
      (all) => all.select('nope'),
      'KUSTO_BAD_COLUMNS',
    ],
    'a dictionary column that is not there': [
      { pushDown: false, types: { dictionary: ['nope'] } },
      (all) => all.limit(1),
      'KUSTO_BAD_OPTION',
    ],
  }
  for (const [what, [options, apply, code]] of Object.entries(cases)) {
    it(what, async () => {
      const { read: all, answers } = read({ mode: 'single', ...options })
      const table = apply(all).table()
      if (code === undefined) expect((await table).numRows).toBe(0)
      else await expect(table).rejects.toMatchObject({ code })
      expect(answers.map(({ isClosed }) => isClosed)).toEqual([true])
    })
  }

  it('a loop that ends at once, and a listener that throws', async () => {
    for (const mode of ['single', 'auto'] as const) {
      const { read: all, answers } = read({ mode, batchRows: 10 })
      for await (const batch of all) {
        expect(batch.numRows).toBe(10)
        break
      }
      expect(answers.map(({ isClosed }) => isClosed)).toEqual([true])
    }
    const onEvent = ({ kind }: { readonly kind: string }): void => {
      if (kind === 'mode') throw new Error('told')
    }
    const { read: all, answers } = read({ mode: 'auto', maxHeldBytes: 1, onEvent })
    await expect(all.table()).rejects.toThrow('told')
    expect(answers.map(({ isClosed }) => isClosed)).toEqual([true])
  })
})
