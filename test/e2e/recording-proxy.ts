import { startLookingProxy } from './loopback-server.ts'

/** A call to the query or management endpoint. */
export interface SeenCall {
  readonly csl: string
  readonly options: Readonly<Record<string, unknown>>
  readonly clientRequestId: string
}

export interface RecordingProxy {
  readonly url: string
  /** In the order they came; may be emptied. */
  readonly seen: SeenCall[]
  close(): Promise<void>
}

/** A loopback server in front of another one that passes everything on and notes what was asked. */
export async function startRecordingProxy(target: string): Promise<RecordingProxy> {
  const seen: SeenCall[] = []
  const { origin, close } = await startLookingProxy(target, ({ url = '', headers }, body) => {
    if (!/\/rest\/(query|mgmt)/.test(url)) return
    const { csl, properties } = JSON.parse(body.toString('utf8')) as {
      readonly csl: string
      readonly properties?: { readonly Options?: Readonly<Record<string, unknown>> }
    }
    const clientRequestId = String(headers['x-ms-client-request-id'])
    seen.push({ csl, options: properties?.Options ?? {}, clientRequestId })
  })
  return { url: origin, seen, close }
}
