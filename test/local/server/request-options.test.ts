import { expect, test } from 'vitest'
import { querySettings, timeoutOption, withSetStatements } from '../../../src/local/server/request-options.ts'

const options = (entries: Readonly<Record<string, unknown>>): ReadonlyMap<string, unknown> =>
  new Map(Object.entries(entries))

test.each([
  ['00:02:00', 120_000],
  ['00:00:00.25', 250],
  ['50m', 3_000_000],
  ['30s', 30_000],
  ['timespan(00:01:00)', 60_000],
  ['time(1m)', 60_000],
  ['600000000', 60_000],
  [600_000_000, 60_000],
  ['1.00:00:00', 3_600_000],
])('reads a server timeout of %s', (given, expected) => {
  expect(timeoutOption(options({ servertimeout: given }), 5)).toBe(expected)
})

test('takes the longest timeout for norequesttimeout, and the default without any option', () => {
  expect(timeoutOption(options({ norequesttimeout: true, servertimeout: '00:00:01' }), 5)).toBe(3_600_000)
  expect(timeoutOption(options({}), 5)).toBe(5)
})

test('limits results to half a million rows and 64 MB', () => {
  expect(querySettings(options({}))).toMatchObject({ maxRows: 500_000, maxBytes: 67_108_864, takeRows: Infinity })
})

test('ignores notruncation beside any other limit', () => {
  expect(querySettings(options({ notruncation: true }))).toMatchObject({ maxRows: Infinity, maxBytes: Infinity })
  expect(querySettings(options({ notruncation: true, truncationmaxrecords: 10 }))).toMatchObject({
    maxRows: 10,
    maxBytes: 67_108_864,
  })
  expect(querySettings(options({ notruncation: true, query_take_max_records: 3 }))).toMatchObject({
    maxRows: 500_000,
    takeRows: 3,
  })
})

test('lets the text override the request, but not where the service does not', () => {
  const merged = withSetStatements(
    options({ truncationmaxrecords: 5, servertimeout: '00:01:00' }),
    new Map<string, string | true>([
      ['TruncationMaxRecords', '7'],
      ['servertimeout', '00:00:01'],
      ['notruncation', true],
    ]),
  )
  expect(Object.fromEntries(merged)).toEqual({
    truncationmaxrecords: '7',
    servertimeout: '00:01:00',
    notruncation: true,
  })
})
