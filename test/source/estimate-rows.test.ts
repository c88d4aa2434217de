import { describe, expect, it } from 'vitest'
import { kql } from '../../src/kql/kql.ts'
import { countRows, estimateRows } from '../../src/source/estimate-rows.ts'
import { planExports } from '../../src/source/plan-exports.ts'
import { readSettings } from '../../src/source/read-settings.ts'
import { answering, framesOf, PARTIAL_FAILURE } from './answers.ts'

const SOURCE = { query: kql`T`, operators: [] }
const COUNT = [['Count', 'long']] as const
const settings = readSettings({ partitions: 2 })

describe('a count', () => {
  it('is read to the end of its answer, so that the query is not cancelled', async () => {
    const { context, answers } = answering(framesOf(COUNT, [[5]]))
    expect(await countRows(context, SOURCE, settings)).toBe(5)
    expect(answers).toEqual([{ taken: 3, isClosed: true, isComplete: true }])
  })

  it('is an error where the service reports one behind the number', async () => {
    const failing = framesOf(COUNT, [[5]], PARTIAL_FAILURE)
    await expect(countRows(answering(failing).context, SOURCE, settings)).rejects.toThrow('one shard was not read')
    await expect(estimateRows(answering(failing).context, SOURCE, settings)).rejects.toThrow('one shard was not read')
  })

  it('must be there', async () => {
    for (const frames of [framesOf(COUNT, []), framesOf(COUNT, [[null]])]) {
      await expect(countRows(answering(frames).context, SOURCE, settings)).rejects.toMatchObject({
        code: 'KUSTO_BAD_ANSWER',
      })
    }
  })
})

describe('the query that measures partitions', () => {
  const options = { by: { kind: 'hash', column: 'a' }, columns: [{ name: 'a', type: 'long' }], settings } as const

  it('is read to the end of its answer', async () => {
    const { context, answers } = answering(framesOf(COUNT, [[7]]))
    expect((await planExports(context, SOURCE, options)).expectedRows).toBe(7)
    expect(answers).toEqual([{ taken: 3, isClosed: true, isComplete: true }])
  })

  it('is an error where the service reports one behind the numbers', async () => {
    const { context } = answering(framesOf(COUNT, [[7]], PARTIAL_FAILURE))
    await expect(planExports(context, SOURCE, options)).rejects.toThrow('one shard was not read')
  })
})
