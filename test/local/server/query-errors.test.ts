import { afterAll, beforeAll, expect, it } from 'vitest'
import { startLocalKusto, type LocalKusto } from '../../../src/local/index.ts'
import { toLocalError } from '../../../src/local/server/one-api-error.ts'
import { udfFailure } from '../../../src/local/server/local-error.ts'
import { errorOf, post } from './rest-client.ts'

let local: LocalKusto
beforeAll(async () => {
  local = await startLocalKusto({ storage: false })
})
afterAll(() => local.close())

it.each([
  ['print decimal(1) / decimal(3)', /a decimal result with more than 18 digits/],
  ['range x from 1 to 3 step 1 | extend d = todecimal(x) / (decimal(3) * x)', /a decimal result/],
  ['datatable(x:decimal)[decimal(90000000000)] | extend y = x * x', /more than 20 digits before the point/],
  ['print repeat(1, 1000000000)', /not supported/],
])('answers what a row turns out to need with NotSupported: %s', async (text, message) => {
  const answer = await post(local.cluster, text)
  expect([answer.status, errorOf(answer).code]).toEqual([400, 'BadRequest_NotSupportedByEmulator'])
  expect(errorOf(answer)['@message']).toMatch(message)
})

it.each([
  'print x = 9223372036854775807 | extend y = x + 1',
  'datatable(x:long)[9223372036854775807, 1] | summarize sum(x)',
  'datatable(x:decimal)[decimal(90000000000000000000)] | extend y = x + x',
  'datatable(x:timespan)[timespan(10000000d)] | extend y = x * 1000000',
])('answers an overflow with a clear error: %s', async (text) => {
  const answer = await post(local.cluster, text)
  expect([answer.status, errorOf(answer).code], answer.text).toEqual([400, 'General_BadRequest'])
  expect(errorOf(answer)['@message']).toMatch(/arithmetic overflow: a value does not fit its type/)
})

it('answers a defect of a user function or of the translation with 500', () => {
  const defect = toLocalError(new Error(`Invalid Input Error: ${udfFailure('k_x', new TypeError('no such thing'))}`))
  expect(defect).toMatchObject({ status: 500, code: 'InternalServiceError', message: 'k_x: no such thing' })
  const binder = toLocalError(new Error('Binder Error: Referenced column "k9" not found in FROM clause!'))
  expect(binder).toMatchObject({ status: 500, code: 'InternalServiceError' })
})
