import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KustoAuthError, KustoServiceError } from '../../src/errors.ts'
import { parseOneApiError, parseRetryAfter } from '../../src/protocol/one-api-error.ts'

const NOW = Date.UTC(2031, 0, 1)

function parse(status: number, body: string, headers: Record<string, string> = {}): KustoServiceError | KustoAuthError {
  return parseOneApiError({ status, body, header: (name) => headers[name], nowMs: NOW, context: { database: 'db' } })
}

/** The service's documented shape, with a nested cause. */
const SEMANTIC = JSON.stringify({
  error: {
    code: 'General_BadRequest',
    message: 'Request is invalid and cannot be executed.',
    '@type': 'Kusto.Data.Exceptions.SemanticException',
    '@message': "Semantic error: SEM0100: 'foo' is unknown",
    '@context': { activityId: 'from-context', clientRequestId: 'X.execute;guid' },
    '@permanent': true,
    innererror: { code: 'Outer', innererror: { code: 'SEM0100', '@errorCode': 'SEM0100' } },
  },
})

describe('parseOneApiError', () => {
  test('a long message is cut between words, before secrets are looked for', () => {
    const { message } = parse(400, `${'Password=x; '.repeat(2_730)}Password=SECRET ${'http://'.repeat(1e6)}`)
    expect(message).not.toContain('SECRET')
    expect(message).toMatch(/\.\.\.$/)
    expect(message.length).toBeLessThan(3_000)
  })

  test('takes code, message, permanence, innermost code and activity from the documented shape', () => {
    const error = parse(400, SEMANTIC, { 'x-ms-activity-id': 'from-header' })
    expect(error).toBeInstanceOf(KustoServiceError)
    expect(error).toMatchObject({
      code: 'General_BadRequest',
      message: "Semantic error: SEM0100: 'foo' is unknown",
      status: 400,
      permanent: true,
      retryable: false,
      innerCode: 'SEM0100',
      activityId: 'from-header',
      context: { database: 'db' },
    })
    expect(parse(400, SEMANTIC)).toMatchObject({ activityId: 'from-context' })
  })

  test.each([
    [408, undefined, true],
    [429, false, true],
    [429, undefined, true],
    [429, true, false],
    [500, undefined, false],
    [500, false, true],
    [502, undefined, true],
    [503, undefined, true],
    [504, false, true],
    [504, true, false],
    [520, undefined, true],
    [400, false, false],
    [404, false, false],
    [413, undefined, false],
    [307, undefined, false],
  ])('status %i with @permanent %s: retryable is %s', (status, permanent, retryable) => {
    expect(parse(status, JSON.stringify({ error: { code: 'C', '@permanent': permanent } })).retryable).toBe(retryable)
  })

  test.each([401, 403])('status %i is an auth error with the service error as cause', (status) => {
    const error = parse(status, '')
    expect(error).toBeInstanceOf(KustoAuthError)
    expect(error).toMatchObject({ retryable: false, cause: { status, message: `status ${status} with an empty body` } })
  })

  test('an HTML page is named by its title', () => {
    expect(parse(502, '<html><head><title>502 Bad Gateway</title></head></html>')).toMatchObject({
      code: 'KUSTO_HTTP_502',
      message: 'status 502 with an HTML page: 502 Bad Gateway',
      retryable: true,
    })
  })

  test('any body gives an error of the status', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.integer({ min: 300, max: 599 }), (body, status) => {
        const error = parse(status, body)
        const service = error instanceof KustoServiceError ? error : error.cause
        expect(service).toMatchObject({ status })
        expect(error.message.length).toBeLessThan(2_100)
      }),
    )
  })

  test('secrets in the message are taken out', () => {
    const leaky =
      'cannot write https://a.blob.core.windows.net/c?sv=1&sig=SECRET%3D with Bearer eyJSECRETSECRET.SECRET.SECRET'
    expect(parse(400, JSON.stringify({ error: { message: leaky } })).message).toBe(
      'cannot write https://a.blob.core.windows.net/c?**** with Bearer ****',
    )
    expect(parse(400, leaky).message).not.toContain('SECRET')
  })
})

describe('Retry-After', () => {
  test.each([
    ['7', 7_000],
    [' 0 ', 0],
    ['Wed, 01 Jan 2031 00:00:30 GMT', 30_000],
    ['Tue, 31 Dec 2030 23:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('%j is %s ms', (value, ms) => {
    expect(parseRetryAfter(value, NOW)).toBe(ms)
  })

  test('comes with the error', () => {
    expect(parse(429, '', { 'retry-after': '3' })).toMatchObject({ retryAfterMs: 3_000 })
  })
})
