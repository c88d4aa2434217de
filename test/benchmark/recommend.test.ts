import { describe, expect, it } from 'vitest'
import { EXPORT_PHASES } from '../../src/benchmark/export-phases.ts'
import { recommend } from '../../src/benchmark/recommend.ts'
import { summarizeRuns } from '../../src/benchmark/summarize-runs.ts'
import { around, resultOf } from './made-up-result.ts'

describe('the recommendation', () => {
  it('names the fastest one, its speed and why, when its interval touches no other', () => {
    const { recommendation, configurations } = resultOf([4, 3, 2.5, 2, 1.5, 1.2, 1].map(around))
    expect(recommendation.isDecided).toBe(true)
    expect(recommendation.tied).toEqual([configurations[6]?.id])
    expect(recommendation.sentence).toMatch(
      /^Take "4 partitions, 2 workers, snappy": 1 k rows\/s \(95 % interval .* to .*\), 1\.20 times the next one/,
    )
  })

  it('says that the data do not decide, and takes the one that asks for the least, when intervals overlap', () => {
    const close = [
      [1, 1.1, 1.2, 1.05, 1.15],
      [1.02, 1.12, 1.18, 1.07, 1.1],
    ]
    const { recommendation, configurations } = resultOf([
      around(9),
      around(8),
      close[0] ?? [],
      around(9),
      close[1] ?? [],
    ])
    expect(recommendation.isDecided).toBe(false)
    expect(new Set(recommendation.tied)).toEqual(new Set([configurations[2]?.id, configurations[4]?.id]))
    expect(recommendation.sentence).toMatch(
      /^The data do not decide between .* overlap\. Of these "1 partition, 2 workers/,
    )
  })

  it('says when runs of the one that it names failed', () => {
    const { configurations, runs } = resultOf([around(4), around(1)])
    const failed = { configuration: 'c2', round: 6, outcome: 'failed', error: { code: 'X', message: 'no' } } as const
    const summaries = summarizeRuns(configurations, [...runs, failed], { seed: 1, phases: EXPORT_PHASES })
    const { sentence } = recommend(configurations, summaries)
    expect(sentence).toMatch(/^Take "1 partition, 1 worker.*But 1 of its 6 runs failed or gave other rows\.$/)
  })

  it('takes nothing from runs without rows', () => {
    const { configurations, runs } = resultOf([around(4), around(1)])
    const none = runs.map((run) =>
      run.measures === undefined ? run : { ...run, measures: { ...run.measures, rows: 0 } },
    )
    const summaries = summarizeRuns(configurations, none, { seed: 1, phases: EXPORT_PHASES })
    expect(recommend(configurations, summaries)).toEqual({
      isDecided: false,
      tied: [],
      sentence: 'No run had any rows, so nothing can be recommended.',
    })
  })

  it('decides nothing by fewer than three repetitions, or by none', () => {
    const few = resultOf([
      [2, 2],
      [1, 1],
    ]).recommendation
    expect([few.isDecided, few.configuration]).toEqual([false, 'c2'])
    expect(few.sentence).toContain('fewer than 3 repetitions')
    expect(resultOf([]).recommendation).toEqual({
      isDecided: false,
      tied: [],
      sentence: 'Nothing was measured, so nothing can be recommended.',
    })
  })
})
