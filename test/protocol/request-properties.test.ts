import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatRequestProperties, formatTimespanMs, serverTimeoutMs } from '../../src/protocol/request-properties.ts'

describe('request properties', () => {
  test('days are kept in timespans', () => {
    expect(formatTimespanMs(25 * 3_600_000)).toBe('1.01:00:00')
    expect(formatTimespanMs(90_000.5)).toBe('00:01:30.0005000')
    expect(formatRequestProperties({ query_results_cache_max_age: 48 * 3_600_000 }).Options).toEqual({
      query_results_cache_max_age: '2.00:00:00',
    })
  })

  test('a server timeout in any spelling is the same number', () => {
    for (const servertimeout of [120_000, '00:02:00', '2m', '120s', '0.00:02:00.0000000']) {
      expect(serverTimeoutMs({ servertimeout })).toBe(120_000)
    }
    expect(formatRequestProperties({ servertimeout: 120_000 }).Options).toEqual({ servertimeout: '00:02:00' })
  })

  test.each([999, 3_600_001, 0, -1, Number.NaN, '1.00:00:00', 'soon', '61m'])(
    'servertimeout %j is refused',
    (servertimeout) => {
      expect(() => formatRequestProperties({ servertimeout })).toThrow(
        expect.objectContaining({ code: 'KUSTO_BAD_OPTION' }),
      )
    },
  )

  test('norequesttimeout is the longest the service allows', () => {
    expect(serverTimeoutMs({ norequesttimeout: true, servertimeout: 1_000 })).toBe(3_600_000)
    expect(serverTimeoutMs({})).toBeUndefined()
  })

  test('unknown options pass through and undefined ones stay away', () => {
    expect(formatRequestProperties({ made_up: [1], notruncation: undefined as never }).Options).toEqual({
      made_up: [1],
    })
  })

  test('a timespan text survives unchanged in meaning', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1_000, max: 3_600_000 }),
        (ms) => serverTimeoutMs({ servertimeout: formatTimespanMs(ms) }) === ms,
      ),
    )
  })
})
