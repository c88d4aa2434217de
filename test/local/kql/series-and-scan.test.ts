import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Kql, startKql } from './harness.ts'

let kql: Kql
beforeAll(async () => {
  kql = await startKql()
})
afterAll(() => kql.close())

/** Rows with longs as numbers and dynamics as values. */
async function rows(text: string): Promise<readonly (readonly unknown[])[]> {
  const [result] = await kql.run(text)
  return result!.rows.map((row) =>
    row.map((cell, index) => {
      if (result!.columns[index]!.type === 'dynamic')
        return cell === null ? null : (JSON.parse(String(cell)) as unknown)
      return typeof cell === 'bigint' ? Number(cell) : cell
    }),
  )
}

describe('functions of series', () => {
  it.each([
    ['series_add(dynamic([1, 2, 4]), dynamic([4, 2, 1]))', '[5,4,5]'],
    ['series_add(dynamic([9007199254740993]), dynamic([1]))', '[9007199254740994]'],
    ['series_subtract(dynamic([1.5, 2]), dynamic([1, 2]))', '[0.5,0]'],
    ['series_multiply(dynamic([1, "x", 3]), dynamic([2, 2]))', '[2,null,null]'],
    ['series_divide(dynamic([1, 2]), dynamic([4, 2]))', '[0.25,1.0]'],
    ['series_less_equals(dynamic([1, 2, 3]), dynamic([2, 2, 2]))', '[true,true,false]'],
    ['series_not_equals(dynamic([1, null]), dynamic([1.0, 2]))', '[false,null]'],
    ['series_sign(dynamic([-6, 0, 8]))', '[-1,0,1]'],
    ['series_abs(dynamic([-6.5, 0, 8]))', '[6.5,0,8]'],
    ['series_floor(dynamic([-1.5, 1]))', '[-2.0,1.0]'],
    ['series_fill_forward(dynamic([null, 1, null, 2]))', '[null,1,1,2]'],
    ['series_fill_backward(dynamic([0, 1, 0, 2, 0]), 0)', '[1,1,2,2,0]'],
    ['series_fill_const(dynamic([1, null]), 0.0)', '[1,0.0]'],
  ])('%s is %s', async (expression, expected) => {
    const [result] = await kql.run(`print ${expression}`)
    expect(result!.rows).toEqual([[expected]])
  })

  it('of whole series', async () => {
    expect(
      await rows(
        'print series_sum(dynamic([1, 2.5])), series_product(dynamic([2, 3])), series_magnitude(dynamic([3, 4])), series_cosine_similarity(dynamic([1, 0]), dynamic([2, 0]))',
      ),
    ).toEqual([[3.5, 6, 5, 1]])
    expect(await rows('print x = dynamic([4, 1, 1, 2]) | project series_stats(x)')).toEqual([
      [1, 1, 4, 0, 2, Math.sqrt(2), 2],
    ])
  })

  it.each(['series_divide(dynamic([1]), dynamic([0]))', 'series_log(dynamic([-1]))', 'series_sum(dynamic([1, null]))'])(
    'refuses %s',
    async (expression) => {
      await expect(rows(`print ${expression}`)).rejects.toThrow(/not supported/)
    },
  )
})

describe('make-series', () => {
  const T = `let T = datatable(t:long, k:string, v:real) [1, 'a', 2, 2, 'a', 4, 5, 'a', 1, 9, 'a', 9, 4, 'b', 7, -3, 'c', 1];`

  it('gives the aggregates of each step and the default elsewhere', async () => {
    expect(
      await rows(
        `${T} T | make-series avg(v), n = count(), m = max(v) default = real(null) on t from 0 to 7 step 2 by k | sort by k asc`,
      ),
    ).toEqual([
      ['a', [2, 4, 1, 0], [1, 1, 1, 0], [2, 4, 1, null], [0, 2, 4, 6]],
      ['b', [0, 0, 7, 0], [0, 0, 1, 0], [null, null, 7, null], [0, 2, 4, 6]],
    ])
  })

  it('writes the steps of a datetime axis in full', async () => {
    expect(
      await rows(
        'range t from datetime(2020-01-01) to datetime(2020-01-02) step 9h | make-series c = count() on t from datetime(2020-01-01) to datetime(2020-01-03) step 1d',
      ),
    ).toEqual([
      [
        [3, 0],
        ['2020-01-01T00:00:00.0000000Z', '2020-01-02T00:00:00.0000000Z'],
      ],
    ])
  })

  it('of nothing is nothing, or the defaults when it must not be empty', async () => {
    expect(await rows(`${T} T | take 0 | make-series count() on t from 0 to 4 step 2`)).toEqual([])
    expect(
      await rows(`${T} T | take 0 | make-series kind=nonempty count() default = 7 on t from 0 to 4 step 2`),
    ).toEqual([
      [
        [7, 7],
        [0, 2],
      ],
    ])
  })

  it.each([
    'make-series count() on t step 2',
    'make-series count() on v from 0.0 to 3.0 step 1.0',
    'make-series count() default = 0.5 on t from 0 to 4 step 2',
    'make-series count() on t from 0 to 4000000 step 1',
  ])('refuses %s', async (text) => {
    await expect(rows(`${T} T | ${text}`)).rejects.toThrow(/not supported/)
  })
})

describe('scan', () => {
  const E = `let E = datatable(n:long, e:string) [1, 'Start', 2, 'A', 3, 'Start', 4, 'Stop', 5, 'A', 6, 'Start', 7, 'A', 8, 'Stop', 9, 'Stop'];`

  it('moves a sequence from step to step', async () => {
    const text = `${E} E | sort by n asc | scan declare (begin:long, seen:long = 0) with (
      step s1: e == 'Start' => begin = n;
      step s2: e != 'Start' and e != 'Stop' => begin = s1.begin, seen = s2.seen + 1;
      step s3: e == 'Stop' => begin = s2.begin, seen = s2.seen;)`
    // Row 3 begins a sequence while the one of row 1 waits at the second step; row 4 ends the older one.
    expect(await rows(text)).toEqual([
      [1, 'Start', 1, 0],
      [2, 'A', 1, 1],
      [3, 'Start', 3, 0],
      [4, 'Stop', 1, 1],
      [5, 'A', 3, 1],
      [6, 'Start', 6, 0],
      [7, 'A', 6, 1],
      [8, 'Stop', 6, 1],
      [9, 'Stop', 6, 1],
    ])
  })

  it('leaves out rows of steps without output, and keeps parts of a partition apart', async () => {
    expect(
      await rows(`datatable(u:string, n:long, e:string) ['x', 1, 'in', 'y', 2, 'in', 'x', 3, 'out', 'y', 5, 'out', 'x', 6, 'out']
        | partition hint.strategy=native by u (sort by n asc | scan declare (span:long) with (
            step a output=none: e == 'in';
            step b: e == 'out' => span = n - a.n;))
        | sort by u asc, n asc`),
    ).toEqual([
      ['x', 3, 'out', 2],
      ['x', 6, 'out', 5],
      ['y', 5, 'out', 3],
    ])
  })

  it('may assign a column of its input', async () => {
    expect(
      await rows(
        'datatable(n:long, v:long) [1, 5, 2, long(null), 3, 7] | sort by n asc | scan with (step s: true => v = coalesce(v, s.v);)',
      ),
    ).toEqual([
      [1, 5],
      [2, 5],
      [3, 7],
    ])
  })

  it.each(['step a output=last: true;', 'step a: true; step a: true;', 'step a output=none: true;'])(
    'refuses %s',
    async (steps) => {
      await expect(rows(`${E} E | sort by n asc | scan with (${steps})`)).rejects.toMatchObject({ status: 400 })
    },
  )
})
