import { RestError } from '@azure/core-rest-pipeline'
import { describe, expect, it } from 'vitest'
import { removeBlobs } from '../../src/storage/remove-blobs.ts'
import { storageError } from '../../src/storage/storage-error.ts'

const URL_WITH_SECRET = 'https://a.blob.core.windows.net/box/blob?sig=SECRET'

describe('a storage failure', () => {
  it.each([
    [new RestError(`GET ${URL_WITH_SECRET}`, { statusCode: 500, code: 'InternalError' })],
    [new TypeError(`bad ${URL_WITH_SECRET}`)],
    [URL_WITH_SECRET],
    [null],
    [undefined],
  ])('%# is told without the signature, whatever was thrown', (cause) => {
    const error = storageError('read', URL_WITH_SECRET, cause)
    expect(error.message).toContain('could not read https://a.blob.core.windows.net/box/blob:')
    expect(error.message).not.toMatch(/SECRET|undefined blob/)
    expect(error.cause).toBeUndefined()
  })

  it('of a removal that was aborted is returned, whatever the reason', async () => {
    const blob = { url: 'http://127.0.0.1:9/a/box/blob', access: { kind: 'sas', sas: 'sig=s' } } as const
    for (const reason of [null, 'enough', new Error('enough')]) {
      const { removed, failures } = await removeBlobs([blob], { signal: AbortSignal.abort(reason) })
      expect([removed, failures.length]).toEqual([0, 1])
    }
  })
})
