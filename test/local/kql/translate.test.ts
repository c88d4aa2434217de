import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Kql, startKql, type TestResult } from './harness.ts'

let kql: Kql

beforeAll(async () => {
  kql = await startKql([
    {
      name: 'T',
      columns: [
        { name: 'a', type: 'long' },
        { name: 'A', type: 'string' },
        { name: 'r', type: 'real' },
      ],
      select: "VALUES (1, 'one', 1.5), (2, 'two', NULL), (NULL, 'none', 'nan'::DOUBLE)",
    },
    {
      name: 'U',
      columns: [
        { name: 'a', type: 'long' },
        { name: 'b', type: 'string' },
      ],
      select: "VALUES (1, 'x'), (1, 'y'), (3, 'z')",
    },
  ])
})
afterAll(() => kql.close())

async function run(text: string, parameters?: Readonly<Record<string, string>>): Promise<TestResult> {
  const [first] = await kql.run(text, parameters)
  return first!
}

/** Rows with longs as numbers, for short expectations. */
async function rows(text: string): Promise<readonly (readonly unknown[])[]> {
  const result = await run(text)
  return result.rows.map((row) => row.map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell)))
}

async function names(text: string): Promise<readonly string[]> {
  return (await run(text)).columns.map((column) => column.name)
}

describe('names', () => {
  it('tell columns apart that differ in case only', async () => {
    expect(await rows('T | where a == 1 | project A, a')).toEqual([['one', 1]])
  })

  it('come from the binder', async () => {
    expect(await names('T | summarize count(), max(a) by A | extend strlen(A)')).toEqual([
      'A',
      'count_',
      'max_a',
      'strlen_A',
    ])
  })
})

describe('null', () => {
  it('is unequal to every value, so != keeps the row', async () => {
    expect(await rows('T | where a != 1 | project A | sort by A asc')).toEqual([['none'], ['two']])
  })

  it('sorts first ascending and last descending, NaN beside it', async () => {
    expect(await rows('T | sort by a asc | project A')).toEqual([['none'], ['one'], ['two']])
    expect(await rows('T | sort by r desc | project A')).toEqual([['one'], ['none'], ['two']])
  })

  it('becomes the empty string where an outer join leaves a string without a row', async () => {
    expect(await rows('T | join kind=leftouter U on a | where A == "two" | project a, b, a1')).toEqual([[2, '', null]])
  })
})

describe('arithmetic', () => {
  it.each([
    ['7 / 2', 3],
    ['-7 % 5', 3],
    ['7 / 2.0', 3.5],
    ['tolong(1d / 1h)', 24],
    ['datetime(2020-01-02) - datetime(2020-01-01) == 1d', true],
  ])('%s is %s', async (expression, expected) => {
    expect(await rows(`print ${expression}`)).toEqual([[expected]])
  })

  it('on a dynamic value asks for its type', async () => {
    await expect(run('print dynamic(2.5) * 2')).rejects.toMatchObject({ code: 'BadRequest_NotSupportedByEmulator' })
    expect(await rows('print todouble(dynamic(2.5)) * 2')).toEqual([[5]])
  })

  it.each([
    ['decimal(1.25) * decimal(-0.2)', '-0.25'],
    ['decimal(123456789012345678) * 100', '12345678901234567800'],
    ['decimal(1) / decimal(8)', '0.125'],
    ['decimal(-7.5) / 2', '-3.75'],
    ['decimal(-7.5) % decimal(2)', '0.5'],
    ['decimal(7.5) % -2', '1.5'],
    ['decimal(null) * decimal(2)', ''],
  ])('of decimals is exact: %s is %s', async (expression, expected) => {
    expect(await rows(`print x = ${expression} | project tostring(x), gettype(x)`)).toEqual([[expected, 'decimal']])
  })

  it('of decimals refuses what it cannot do exactly', async () => {
    for (const text of [
      'decimal(1) / decimal(3)',
      'decimal(1) / decimal(0)',
      'decimal(0.0000000001) * decimal(0.0000000001)',
      'decimal(12345678901234567.1) * decimal(0.123456789012345678)',
    ]) {
      await expect(run(`print ${text}`)).rejects.toThrow(/not supported by the embedded Kusto/)
    }
  })
})

describe('text operators', () => {
  it.each([
    ['"North America" has "america"', true],
    ['"NorthAmerica" has "america"', false],
    ['"a.b_c" has "b"', true],
    ['"North" has_cs "north"', false],
    ['"abc" contains "BC"', true],
    ['"abc" !startswith "AB"', false],
    ['"abc" in~ ("ABC", "x")', true],
    ['"abc" in ("ABC")', false],
    ['"a b c" has_any ("z", "b")', true],
    ['"a b c" has_all ("a", "z")', false],
    ['"ab" has_any ("a", "b")', false],
    ['"x.A b" has_any ("q", "a B", "y")', true],
    ['"x-y" has_any ("-", "z")', true],
    ['"xa." has_any ("a.", "b")', false],
    ['"xa.b" has_any (dynamic([".b", "q"]))', true],
    ['"" has_any ("", "b")', true],
    ['"abc" matches regex "^a.c$"', true],
    ['5 between (1 .. 5)', true],
    ['datetime(2020-01-03) between (datetime(2020-01-01) .. 1d)', false],
  ])('%s is %s', async (expression, expected) => {
    expect(await rows(`print ${expression}`)).toEqual([[expected]])
  })
})

describe('has_any', () => {
  it('looks for thousands of terms at once', async () => {
    const terms = Array.from({ length: 3_000 }, (_, index) => `"term${index}.${'x'.repeat(20)}"`)
    const translated = await kql.translate(`T | where A has_any (${terms.join(', ')})`)
    expect(translated.results[0]!.sql.split('regexp_matches').length).toBeLessThan(10)
    const wanted = `"a TERM2999.${'x'.repeat(20)}/", "term2999.${'x'.repeat(21)}"`
    expect(await rows(`datatable(s: string) [${wanted}] | where s has_any (${terms.join(', ')}) | count`)).toEqual([
      [1],
    ])
  })
})

describe('a datetime', () => {
  it('that leaves the years 1 to 9999 is an error where rows have it', async () => {
    const days = 'range x from 1 to 3 step 1 | extend t = datetime(9999-12-30) + x * 1d'
    for (const text of [
      days,
      'print datetime(9999-12-31) + 1d',
      'print datetime(0001-01-01) - 1tick',
      'print ago(1000000d)',
    ]) {
      await expect(run(text)).rejects.toThrow(/outside of the years 1 to 9999/)
    }
    expect(await rows(`${days.replace('|', '| where x < 2 |')} | project t == datetime(9999-12-31)`)).toEqual([[true]])
    expect(await rows('print t = datetime(null) | project t + 1d, t - 1d')).toEqual([[null, null]])
  })

  it('has no hour 24, in whatever form', async () => {
    const forms = ['2020-01-01T24:00:00Z', '2020-01-01T24:00:00.0000000Z', '2020-01-01 24:00']
    expect(await rows(`print ${forms.map((form) => `todatetime("${form}")`).join(', ')}`)).toEqual([[null, null, null]])
    expect(await rows('print todatetime("2020-01-01T23:00:00.0000000Z") == datetime(2020-01-01 23:00)')).toEqual([
      [true],
    ])
  })

  it('that a function would move outside is null', async () => {
    expect(
      await rows(
        'print startofmonth(datetime(9999-12-31), 1), startofweek(datetime(0001-01-01)), endofweek(datetime(9999-12-31)), datetime_add("month", 1, datetime(9999-12-31))',
      ),
    ).toEqual([[null, null, null, null]])
    expect(await rows('print endofyear(datetime(9999-01-01)) == datetime(9999-12-31 23:59:59.9999999)')).toEqual([
      [true],
    ])
  })
})

describe('parse_version', () => {
  it('gives the documented numbers', async () => {
    const versions = '"0.0.0.5", "0.0.7.0", "0.0.3", "0.2", "0.1.2.0", "1.2.3.4", "1"'
    expect(await rows(`datatable(v: string) [${versions}] | project parse_version(v)`)).toEqual([
      ['5'],
      ['700000000'],
      ['300000000'],
      ['20000000000000000'],
      ['10000000200000000'],
      ['1000000020000000300000004'],
      ['1000000000000000000000000'],
    ])
    expect(
      await rows(
        'print v = parse_version("10.0") | project tostring(v), v > parse_version("9.9"), v == parse_version("10")',
      ),
    ).toEqual([['10000000000000000000000000', true, true]])
  })
})

describe('dynamic values', () => {
  it('are read by member, by index and from the end', async () => {
    expect(await rows('print d = dynamic({"a b": [1, {"c": "x"}]}) | project d["a b"][0], d["a b"][-1].c')).toEqual([
      ['1', '"x"'],
    ])
  })

  it('are strings where the text only looks like JSON', async () => {
    expect(await rows(`print parse_json('[1,]'), parse_json('{"a":NaN}'), parse_json('[1, ]')`)).toEqual([
      ['"[1,]"', String.raw`"{\"a\":NaN}"`, '"[1, ]"'],
    ])
    expect(await rows(`print parse_json('nan'), parse_json('["nan"]'), parse_json('{"inf": 1}')`)).toEqual([
      ['"nan"', '["nan"]', '{"inf":1}'],
    ])
  })

  it('have members of any name', async () => {
    const bag = String.raw`d = dynamic({"*": 1, "": 2, "a\"b": 3, "a\\b": 4, "a\nb": 5, "$[0]": 6})`
    const keys = String.raw`"*", "", "a\"b", "a\\b", "a\nb", "$[0]"`
    expect(await rows(`print ${bag} | project ${keys.replaceAll(/"(?:\\.|[^"])*"/g, 'd[$&]')}`)).toEqual([
      ['1', '2', '3', '4', '5', '6'],
    ])
    expect(await rows(`datatable(k: string) [${keys}] | extend ${bag} | project d[k]`)).toEqual(
      ['1', '2', '3', '4', '5', '6'].map((value) => [value]),
    )
    expect(await rows(`print ${bag} | mv-expand d | project tostring(d)`)).toEqual([
      ['{"*":1}'],
      ['{"":2}'],
      [String.raw`{"a\"b":3}`],
      [String.raw`{"a\\b":4}`],
      [String.raw`{"a\nb":5}`],
      ['{"$[0]":6}'],
    ])
  })

  it('hold null for a member that is missing or null', async () => {
    expect(await rows('print d = dynamic({"n": null}) | project isnull(d.n), isnull(d.m.x)')).toEqual([[true, true]])
  })
})

describe('join', () => {
  it('keeps one left row for each key unless told otherwise', async () => {
    const left = 'datatable(k: long, v: string) [1, "p", 1, "q", 2, "r"]'
    expect(await rows(`${left} | join (U | project k = a, b) on k | count`)).toEqual([[2]])
    expect(await rows(`${left} | join kind=inner (U | project k = a, b) on k | count`)).toEqual([[4]])
  })

  it.each([
    ['leftsemi', [['one']]],
    ['leftanti', [['none'], ['two']]],
  ])('kind=%s gives the left side alone', async (kind, expected) => {
    expect(await rows(`T | join kind=${kind} U on $left.a == $right.a | project A | sort by A asc`)).toEqual(expected)
  })

  it('works on the same table twice', async () => {
    expect(await rows('let X = T | where a == 1; X | join kind=inner X on a | project A, A1')).toEqual([['one', 'one']])
  })

  it('kind=fullouter keeps rows of both sides', async () => {
    expect(await rows('U | join kind=fullouter (T | where isnotnull(a)) on a | count')).toEqual([[4]])
  })
})

describe('union', () => {
  it('gives columns of one name and two types apart, with their source', async () => {
    expect(await names('union withsource=src (print x = 1), (print x = "s")')).toEqual(['src', 'x_long', 'x_string'])
  })

  it('isfuzzy leaves out tables that do not exist', async () => {
    expect(await rows('union isfuzzy=true T, Nowhere | count')).toEqual([[3]])
  })
})

describe('summarize', () => {
  it('gives one row for no rows when there is no key, and none when there is', async () => {
    expect(await rows('T | where false | summarize count()')).toEqual([[0]])
    expect(await rows('T | where false | summarize count() by A')).toEqual([])
  })

  it('follows the order of the rows in make_list', async () => {
    expect(await rows('range x from 1 to 4 step 1 | sort by x desc | summarize make_list(x)')).toEqual([['[4,3,2,1]']])
  })

  it('gives the other columns of the row with the maximum', async () => {
    expect(await rows('U | summarize arg_max(b, *) by a | sort by a asc')).toEqual([
      [1, 'y'],
      [3, 'z'],
    ])
  })

  it('groups by expressions and by constants', async () => {
    expect(await rows('range x from 1 to 6 step 1 | summarize count() by bin(x, 4), k = 1 | sort by x asc')).toEqual([
      [0, 1, 3],
      [4, 1, 3],
    ])
  })
})

describe('mv-expand', () => {
  it('pads the shorter arrays, counts items, and gives no row for an empty array', async () => {
    expect(
      await rows(
        'datatable(k: long, a: dynamic, b: dynamic) [1, dynamic([1, 2]), dynamic(["x"]), 2, dynamic([]), dynamic([]), 3, dynamic(null), dynamic(null)] | mv-expand with_itemindex=i a to typeof(long), b',
      ),
    ).toEqual([
      [1, 1, '"x"', 0],
      [1, 2, null, 1],
      [3, null, null, 0],
    ])
  })

  it('turns a bag into bags of one property', async () => {
    expect(await rows('print d = dynamic({"a": 1, "b": 2}) | mv-expand d')).toEqual([['{"a":1}'], ['{"b":2}']])
  })
})

describe('mv-apply', () => {
  it('works on the elements of each row apart', async () => {
    expect(
      await rows(
        'datatable(k: string, v: dynamic) ["p", dynamic([3, 1, 2]), "q", dynamic([9])] | mv-apply v to typeof(long) on (top 2 by v desc | summarize s = sum(v), n = count())',
      ),
    ).toEqual([
      ['p', 5, 2],
      ['q', 9, 1],
    ])
  })

  it('summarizes to a row also where the filter left nothing', async () => {
    expect(
      await rows(
        'datatable(k: string, v: dynamic) ["p", dynamic([1]), "q", dynamic([9])] | mv-apply v to typeof(long) on (where v > 5 | summarize count())',
      ),
    ).toEqual([
      ['p', 0],
      ['q', 1],
    ])
  })
})

describe('window functions', () => {
  it('see the rows in their order', async () => {
    expect(
      await rows(
        'range x from 3 to 1 step -1 | extend n = row_number(), p = prev(x), q = next(x, 1, 0), c = row_cumsum(x, x == 1)',
      ),
    ).toEqual([
      [3, 1, null, 2, 3],
      [2, 2, 3, 1, 5],
      [1, 3, 2, 0, 1],
    ])
  })

  it('start again in each partition', async () => {
    expect(
      await rows(
        'range x from 1 to 4 step 1 | extend k = x % 2 | partition hint.strategy=native by k (sort by x desc | extend n = row_number()) | sort by x asc | project n',
      ),
    ).toEqual([[2], [2], [1], [1]])
  })
})

describe('window sessions', () => {
  it('end when a row is too far from the first or from the one before', async () => {
    expect(
      await rows(
        'range t from 0 to 25 step 1 | where t in (0, 3, 6, 20, 22) | extend s = row_window_session(datetime(2020-01-01) + t * 1s, 5s, 4s) | project t, (s - datetime(2020-01-01)) / 1s',
      ),
    ).toEqual([
      [0, 0],
      [3, 0],
      [6, 6],
      [20, 20],
      [22, 20],
    ])
  })
})

describe('functions of the query', () => {
  it('take named arguments and defaults', async () => {
    expect(await rows('let f = (x: long, y: long = 10) { x * 100 + y }; print f(1), f(y = 2, x = 3)')).toEqual([
      [110, 302],
    ])
  })

  it('take tables, also by invoke', async () => {
    const f = 'let f = (t: (a: long), low: long) { t | where a > low | count };'
    expect(await rows(`${f} f(U, 1)`)).toEqual([[1]])
    expect(await rows(`${f} U | invoke f(2)`)).toEqual([[1]])
  })

  it('see the names of where they were declared', async () => {
    expect(await rows('let z = 1; let f = (x: long) { x + z }; let g = (z: long) { f(z) + z }; print g(5)')).toEqual([
      [11],
    ])
  })
})

describe('query parameters', () => {
  const declare = 'declare query_parameters(n: long, s: string = "none", t: datetime = datetime(null));'

  it('are literals of their type, with defaults', async () => {
    const result = await run(`${declare} print n, s, t`, { n: 'long(5)', t: 'datetime(0001-01-02)' })
    expect(result.rows).toEqual([[5n, 'none', 864_000_000_000n]])
  })

  it('carry text that is quoted or bare, and never as a part of the query', async () => {
    expect((await run(`${declare} print s`, { n: '1', s: '"a\\"b"' })).rows).toEqual([['a"b']])
    expect((await run(`${declare} print s`, { n: '1', s: "x'; drop" })).rows).toEqual([["x'; drop"]])
  })

  it.each([
    ['without a value or default', {}],
    ['with a value of another type', { n: '"five"' }],
  ])('are an error %s', async (_, parameters) => {
    await expect(run(`${declare} print n`, parameters as Record<string, string>)).rejects.toMatchObject({
      code: 'General_BadRequest',
    })
  })
})

describe('plugins whose schema depends on the data', () => {
  it('make columns that later operators know the type of', async () => {
    expect(
      await rows(
        'datatable(k: long, d: dynamic) [1, dynamic({"n": 1, "s": "x"}), 2, dynamic({"n": 2})] | evaluate bag_unpack(d) | where s == "" | project twice = n * 2',
      ),
    ).toEqual([[4]])
  })

  it('work inside a function of the query', async () => {
    expect(
      await names(
        'let f = (t: (d: dynamic)) { t | evaluate bag_unpack(d) }; let x =  print d = dynamic({"b": 1, "a": true}); f(x)',
      ),
    ).toEqual(['a', 'b'])
  })
})

describe('parse', () => {
  it('takes what stands between the delimiters', async () => {
    expect(
      await rows(
        'print s = "id=17, name=x y; rest" | parse s with "id=" id: long ", name=" name ";" * | project id, name',
      ),
    ).toEqual([[17, 'x y']])
  })

  it('leaves all columns empty when one value is not of its type, unless relaxed', async () => {
    const text = 'print s = "a=1,b=x,c=z"'
    expect(await rows(`${text} | parse s with "a=" a: long ",b=" b: long ",c=" c | project a, b, c`)).toEqual([
      [null, null, ''],
    ])
    expect(
      await rows(`${text} | parse kind=relaxed s with "a=" a: long ",b=" b: long ",c=" c | project a, b, c`),
    ).toEqual([[1, null, 'z']])
    expect(await rows(`${text} | parse-where s with "a=" a: long ",b=" b: long ",c=" c`)).toEqual([])
  })
})

describe('parse-kv', () => {
  it.each([
    [
      "'k=1 \"a b\"=\"c d\"' | parse-kv s as (k: long, ['a b']: string) with (pair_delimiter=' ', kv_delimiter='=', quote='\"')",
      [1, 'c d'],
    ],
    [
      "'x=John Doe y=2' | parse-kv s as (x: string, y: long) with (pair_delimiter=' ', kv_delimiter='=', greedy=true)",
      ['John Doe', 2],
    ],
    ["'at 10:00 Level:Info, Id: 7' | parse-kv s as (Id: long, Level: string, Missing: string)", [7, 'Info', '']],
    ["'[a->1][b->2]' | parse-kv s as (b: long, a: long) with (regex=@'\\[(\\w)->(\\d)\\]')", [2, 1]],
  ])('reads %s', async (text, expected) => {
    expect(await rows(`print s = ${text} | project-away s`)).toEqual([expected])
  })
})

describe('scan', () => {
  it('lets a row build on the last match', async () => {
    expect(
      await rows('range x from 1 to 4 step 1 | scan declare (c: long = 0) with (step s: x != 3 => c = x + s.c;)'),
    ).toEqual([
      [1, 1],
      [2, 3],
      [4, 7],
    ])
  })
})

describe('a query', () => {
  it('goes on after scan without a column that nobody asked for', async () => {
    expect(
      await rows(
        'range x from 1 to 2 step 1 | scan declare (c: long) with (step s: true => c = x;) | extend d = c + 1',
      ),
    ).toEqual([
      [1, 1, 2],
      [2, 2, 3],
    ])
  })

  it('may give several results', async () => {
    const results = await kql.run('print a = 1; print b = "x"')
    expect(results.map((result) => result.rows)).toEqual([[[1n]], [['x']]])
  })

  it('tells its options and its wish for a chart', async () => {
    const translated = await kql.translate(
      'set notruncation; set truncationmaxrecords=5; T | render barchart with (title="t", ycolumns=a, r)',
    )
    expect([...translated.options]).toEqual([
      ['notruncation', true],
      ['truncationmaxrecords', '5'],
    ])
    expect(translated.visualization).toMatchObject({ Visualization: 'barchart', Title: 't', YColumns: 'a,r' })
  })

  it('keeps plain steps plain', async () => {
    const { results } = await kql.translate('T | where a > 1 | project a')
    expect(results[0]!.sql).not.toMatch(/row_number|k_|ORDER/)
  })

  it.each([
    ['an operator', 'T | reduce by A'],
    ['a plugin', 'T | evaluate autocluster()'],
    ['a function', 'print series_fft(dynamic([1]))'],
    ['a kind of an operator', 'T | union kind=inner U'],
    ['a statement', 'restrict access to (T); T'],
  ])('is refused for %s that is not known', async (_, text) => {
    await expect(run(text)).rejects.toMatchObject({ code: 'BadRequest_NotSupportedByEmulator' })
  })
})
