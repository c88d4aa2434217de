import { expect, test } from 'vitest'
import { and, col, or, where } from '../../src/kql/filter.ts'
import { kql } from '../../src/kql/kql.ts'

test.each([
  [col('a').eq('x"y'), `['a'] == "x\\"y"`],
  [col(`it's`).ne(1), `['it\\'s'] != long(1)`],
  [col('a').lt(1.5), `['a'] < real(1.5)`],
  [col('a').le(kql.int(3)), `['a'] <= int(3)`],
  [col('a').gt(5n), `['a'] > long(5)`],
  [col('a').ge(new Date(0)), `['a'] >= datetime(1970-01-01T00:00:00.0000000Z)`],
  [col('a').eq(null), `isnull(['a'])`],
  [col('a').ne(kql.long(null)), `isnotnull(['a'])`],
  [col('a').eq(kql.dynamic(null)), `isnull(['a'])`],
  [col('a').in(['x', 'y']), `['a'] in ("x", "y")`],
  [col('a').in([null, 1]), `(['a'] in (long(1)) or isnull(['a']))`],
  [col('a').in([null]), `isnull(['a'])`],
  [col('a').in([]), 'false'],
  [col('a').notIn([null, 1]), `(['a'] !in (long(1)) and isnotnull(['a']))`],
  [col('a').notIn([]), 'true'],
  [col('a').between(1, 2), `['a'] between (long(1) .. long(2))`],
  [col('a').startsWith('x'), `['a'] startswith "x"`],
  [col('a').endsWithCs('x'), `['a'] endswith_cs "x"`],
  [col('a').contains('x'), `['a'] contains "x"`],
  [and(), 'true'],
  [or(), 'false'],
  [and(col('a').eq(1)), `['a'] == long(1)`],
  [
    or(col('a').eq(1).and(col('b').eq(true)), where(kql`c has "d" or e`)).not(),
    `not(((['a'] == long(1) and ['b'] == bool(true)) or (c has "d" or e)))`,
  ],
  [where(kql`a == 1 // why`).and(col('b').eq(2)), `((a == 1 // why\n) and ['b'] == long(2))`],
])('filter %# reads %s', (filter, text) => {
  expect(filter.kql.text).toBe(text)
})
