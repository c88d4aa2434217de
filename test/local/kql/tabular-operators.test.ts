import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Kql, startKql } from './harness.ts'

let kql: Kql
beforeAll(async () => {
  kql = await startKql([
    {
      name: 'Sales',
      columns: [
        { name: 'country', type: 'string' },
        { name: 'city', type: 'string' },
        { name: 'n', type: 'long' },
      ],
      select:
        "VALUES ('DE', 'Berlin', 5), ('DE', 'Bonn', 2), ('DE', 'Berlin', 1), ('FR', 'Paris', 7), ('FR', 'Lyon Sud', 4), ('IT', 'Rome', 1)",
    },
    {
      name: 'Notes',
      columns: [
        { name: 'city', type: 'string' },
        { name: 'text', type: 'string' },
      ],
      select: "VALUES ('Bonn', 'quiet'), ('Oslo', 'north of bonn'), ('Rome', 'warm')",
    },
  ])
})
afterAll(() => kql.close())

async function rows(text: string): Promise<readonly (readonly unknown[])[]> {
  const [result] = await kql.run(text)
  return result!.rows.map((row) => row.map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell)))
}

describe('top-nested', () => {
  it('keeps the best groups of each level inside of the best of the level before', async () => {
    const text =
      'Sales | top-nested 2 of country by total = sum(n), top-nested 1 of city by sum(n) asc | sort by country asc'
    expect(await rows(text)).toEqual([
      ['DE', 8, 'Bonn', 2],
      ['FR', 11, 'Lyon Sud', 4],
    ])
  })

  it('without a number keeps all groups', async () => {
    expect(await rows('Sales | top-nested of country by count() | sort by country asc')).toEqual([
      ['DE', 3],
      ['FR', 2],
      ['IT', 1],
    ])
  })

  it('refuses others', async () => {
    await expect(rows('Sales | top-nested 1 of country with others = "x" by count()')).rejects.toMatchObject({
      status: 400,
    })
  })
})

it('top-hitters counts or sums, best first', async () => {
  expect(await rows('Sales | top-hitters 2 of country')).toEqual([
    ['DE', 3],
    ['FR', 2],
  ])
  expect(await rows('Sales | top-hitters 1 of country by n')).toEqual([['FR', 11]])
})

it('sample and sample-distinct give as many as asked for, all from the table', async () => {
  expect(await rows('Sales | sample 4 | count')).toEqual([[4]])
  expect(await rows('Sales | sample 4 | join kind=leftanti Sales on city, n | count')).toEqual([[0]])
  expect(await rows('Sales | sample-distinct 2 of country | summarize count(), dcount(country)')).toEqual([[2, 2]])
  expect(await rows('Sales | sample-distinct 99 of country | sort by country asc')).toEqual([['DE'], ['FR'], ['IT']])
})

describe('search', () => {
  it('finds a term in any column, by table', async () => {
    expect(await rows('search in (Notes, Sales) "bonn" | project $table, city | sort by $table asc, city asc')).toEqual(
      [
        ['Notes', 'Bonn'],
        ['Notes', 'Oslo'],
        ['Sales', 'Bonn'],
      ],
    )
    expect(await rows('Notes | search kind=case_sensitive "Bonn"')).toEqual([['Notes', 'Bonn', 'quiet']])
  })

  it.each([
    ['"ber*"', ['Berlin', 'Berlin']],
    ['"*yon" or n == 7', ['Lyon Sud', 'Paris']],
    ['city:"sud" and country == "FR"', ['Lyon Sud']],
    ['city has "Rome"', ['Rome']],
    ['"*erli*"', ['Berlin', 'Berlin']],
  ])('Sales by %s', async (condition, cities) => {
    expect((await rows(`Sales | search ${condition} | project city | sort by city asc`)).flat()).toEqual(cities)
  })

  it.each([
    'search "bonn"',
    'Sales | search "7"',
    'Sales | search "true"',
    'Sales | search "b*n"',
    'print a = "x" | search "x"',
  ])('refuses %s', async (text) => {
    await expect(rows(text)).rejects.toMatchObject({ code: 'BadRequest_NotSupportedByEmulator' })
  })

  it('of all columns works in where, too', async () => {
    expect(await rows('Notes | where * has "bonn" | count')).toEqual([[2]])
    expect(await rows('Notes | where * == "warm"')).toEqual([['Rome', 'warm']])
    await expect(rows('Sales | where * has "5"')).rejects.toMatchObject({ status: 400 })
  })
})

describe('plugins of activity', () => {
  const T = `let T = datatable(u:string, t:datetime) ['a', datetime(2020-01-01), 'b', datetime(2020-01-01 12:00), 'a', datetime(2020-01-02), 'c', datetime(2020-01-02), 'a', datetime(2020-01-03)];`

  it('count users that are new, and all so far', async () => {
    expect(
      await rows(
        `${T} T | evaluate activity_counts_metrics(u, t, datetime(2020-01-01), datetime(2020-01-03), 1d) | sort by t asc | project-away t`,
      ),
    ).toEqual([
      [2, 2, 2, 2],
      [2, 2, 1, 3],
      [1, 1, 0, 3],
    ])
  })

  it('count what lies in a window that ends with each bin', async () => {
    expect(
      await rows(
        `${T} T | evaluate sliding_window_counts(u, t, datetime(2020-01-01), datetime(2020-01-04), 2d, 1d) | sort by t asc | project-away t`,
      ),
    ).toEqual([
      [2, 2],
      [4, 3],
      [3, 2],
      [1, 1],
    ])
  })

  it.each([
    'activity_counts_metrics(u, t, datetime(2020-01-01), datetime(2020-01-03), 1h)',
    'sliding_window_counts(u, t, datetime(2020-01-01), datetime(2020-01-09), 2d, 1d)',
    'sliding_window_counts(u, t, datetime(2020-01-01), datetime(2020-01-02), 36h, 1d)',
    'activity_counts_metrics(u, t, datetime(2020-01-01), datetime(2020-01-03), 1d, u)',
  ])('refuses %s', async (call) => {
    await expect(rows(`${T} T | evaluate ${call}`)).rejects.toThrow(/not supported/)
  })
})

it('a pattern stands for the query declared for its values', async () => {
  const declared = `declare pattern city = (country:string)[name:string] {
    ("DE").["Bonn"] = { let wanted = "Bonn"; Sales | where city == wanted | project n };
    ("FR").["Paris"] = { Sales | where city == "Paris" | project n };
  };`
  expect(await rows(`${declared} city("DE").Bonn`)).toEqual([[2]])
  expect(await rows(`${declared} city("FR").["Paris"] | extend m = n + 1`)).toEqual([[7, 8]])
})

it('fork gives a result for each subquery', async () => {
  const { results } = await kql.translate('Sales | fork (count) big = (where n > 4 | project city, n)')
  expect(results.map(({ name }) => name)).toEqual(['PrimaryResult', 'big'])
  const answers = await kql.run('Sales | where country == "DE" | fork (count) big = (where n > 4 | project city, n)')
  expect(answers.map((answer) => answer.rows)).toEqual([[[3n]], [['Berlin', 5n]]])
})

it('estimate_data_size adds up the columns', async () => {
  expect(
    await rows('range x from 1 to 10 step 1 | extend s = "1234567890" | summarize sum(estimate_data_size(*))'),
  ).toEqual([[180]])
  await expect(rows('print x = 1.5 | project estimate_data_size(x)')).rejects.toThrow(/not supported/)
  await expect(rows('print x = "ü" | project estimate_data_size(x)')).rejects.toThrow(/not supported/)
})
