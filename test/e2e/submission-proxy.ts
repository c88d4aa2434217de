import { startLookingProxy } from './loopback-server.ts'

/** The body of a request that submits blobs for queued ingestion. */
export interface Submitted {
  readonly blobs: readonly { readonly url: string; readonly sourceId: string }[]
  readonly properties: {
    readonly format: string
    readonly skipBatching: boolean
    readonly tags?: readonly string[]
    readonly ingestIfNotExists?: readonly string[]
    readonly ingestionMapping?: string
    readonly ingestionMappingReference?: string
    readonly validationPolicy?: string
  }
}

export interface SubmissionProxy {
  readonly url: string
  /** In the order they came. */
  readonly seen: Submitted[]
  close(): Promise<void>
}

/** A loopback server in front of another one that passes everything on and notes what was submitted. */
export async function startSubmissionProxy(target: string): Promise<SubmissionProxy> {
  const seen: Submitted[] = []
  const { origin, close } = await startLookingProxy(target, ({ method, url = '' }, body) => {
    if (method === 'POST' && url.startsWith('/v1/rest/ingestion/queued/')) {
      seen.push(JSON.parse(body.toString('utf8')) as Submitted)
    }
  })
  return { url: origin, seen, close }
}
