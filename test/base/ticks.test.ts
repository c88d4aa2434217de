import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  dateFromTicks,
  formatDatetime,
  formatTimespan,
  MAX_DATETIME_TICKS,
  MAX_TIMESPAN_TICKS,
  MIN_TIMESPAN_TICKS,
  parseDatetime,
  parseTimespan,
  ticksFromDate,
  ticksFromUnixMicroseconds,
  unixMicrosecondsFromTicks,
  unixNanosecondsFromTicks,
} from '../../src/base/ticks.ts'

const datetimeTicks = fc.bigInt({ min: 0n, max: MAX_DATETIME_TICKS })
const timespanTicks = fc.bigInt({ min: MIN_TIMESPAN_TICKS, max: MAX_TIMESPAN_TICKS })

describe('datetime', () => {
  test('every tick survives the way to text and back', () => {
    fc.assert(fc.property(datetimeTicks, (ticks) => parseDatetime(formatDatetime(ticks)) === ticks))
  })

  test('agrees with the engine of JavaScript on every millisecond', () => {
    fc.assert(
      fc.property(
        fc.date({
          min: new Date('0001-01-01T00:00:00Z'),
          max: new Date('9999-12-31T23:59:59.999Z'),
          noInvalidDate: true,
        }),
        (date) => {
          expect(formatDatetime(ticksFromDate(date))).toBe(date.toISOString().replace('Z', '0000Z'))
          expect(dateFromTicks(ticksFromDate(date)).getTime()).toBe(date.getTime())
        },
      ),
      { numRuns: 500 },
    )
  })

  test.each([
    ['0001-01-01T00:00:00Z', 0n],
    ['9999-12-31T23:59:59.9999999Z', 3_155_378_975_999_999_999n],
    ['1970-01-01T00:00:00Z', 621_355_968_000_000_000n],
    ['1970-01-01', 621_355_968_000_000_000n],
    ['1970-01-01 00:00:00.5', 621_355_968_005_000_000n],
    ['1970-01-01T02:00:00+02:00', 621_355_968_000_000_000n],
    ['1969-12-31T22:30-01:30', 621_355_968_000_000_000n],
    ['2024-02-29T00:00:00.0000001Z', 638_447_616_000_000_001n],
  ])('%s is %s ticks', (text, ticks) => {
    expect(parseDatetime(text)).toBe(ticks)
  })

  test.each(['2023-02-29', '1900-02-29', '2023-13-01', '2023-00-10', '2023-01-00', '2023-01-01T24:00:00Z'])(
    'a day or hour that does not exist is an error: %s',
    (text) => expect(() => parseDatetime(text)).toThrow(/expected a datetime/),
  )

  test.each([
    '',
    '2023-01-01T00:00:00.12345678Z',
    'x2023-01-01',
    '2023-01-01\n',
    '0000-01-01',
    '0001-01-01T00:00+01:00',
  ])('text that is no datetime is an error: %j', (text) =>
    expect(() => parseDatetime(text)).toThrow(/expected a datetime/),
  )

  test('unix microseconds round down, also before 1970', () => {
    const ticks = parseDatetime('1969-12-31T23:59:59.9999999Z')
    expect([unixMicrosecondsFromTicks(ticks), unixNanosecondsFromTicks(ticks)]).toEqual([-1n, -100n])
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n }),
        (us) => unixMicrosecondsFromTicks(ticksFromUnixMicroseconds(us)) === us,
      ),
    )
  })

  test('an invalid date is an error', () => {
    expect(() => ticksFromDate(new Date(Number.NaN))).toThrow(/expected a datetime/)
    expect(() => ticksFromDate(new Date(8.64e15))).toThrow(/expected a datetime/)
  })
})

describe('timespan', () => {
  test('every tick survives the way to text and back', () => {
    fc.assert(fc.property(timespanTicks, (ticks) => parseTimespan(formatTimespan(ticks)) === ticks))
  })

  test.each([
    ['00:00:00', 0n],
    ['-2.03:04:05.0000006', -1_838_450_000_006n],
    ['1.00:00:00', 864_000_000_000n],
    ['-10675199.02:48:05.4775808', MIN_TIMESPAN_TICKS],
  ])('%s is %s ticks, both ways', (text, ticks) => {
    expect(parseTimespan(text)).toBe(ticks)
    expect(formatTimespan(ticks)).toBe(text)
  })

  test.each(['1x02:03:04', '24:00:00', '00:60:00', '1:00:00', '', '10675199.02:48:05.4775808', '00:00:00.12345678'])(
    'text that is no timespan is an error: %j',
    (text) => expect(() => parseTimespan(text)).toThrow(/expected a timespan/),
  )
})
