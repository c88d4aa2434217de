import { RestError } from '@azure/core-rest-pipeline'

/** How long a failed storage request asks to wait, in milliseconds; undefined when it does not say. */
export function retryAfterMs(error: unknown, now: () => number = Date.now): number | undefined {
  const headers = error instanceof RestError ? error.response?.headers : undefined
  const ms = headers?.get('retry-after-ms') ?? headers?.get('x-ms-retry-after-ms')
  if (ms !== undefined && /^\d+$/.test(ms)) return Number(ms)
  const text = headers?.get('retry-after')
  if (text === undefined) return undefined
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now())
}
