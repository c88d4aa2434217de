import type { CallSettings, QueryActivity } from './source-context.ts'

export type CommandActivity = 'export' | 'poll' | 'details' | 'cancel' | 'command'

/** What a management command of a read is for, from its first words. */
export function commandActivity(csl: string): CommandActivity {
  if (/^\.export\s/.test(csl)) return 'export'
  if (/^\.show operations\s/.test(csl)) return 'poll'
  if (/^\.show operation\s/.test(csl)) return 'details'
  return /^\.cancel\s/.test(csl) ? 'cancel' : 'command'
}

/** The id of one call, `<requestId>;<activity>;<n>`; `n` differs for each call of a connector. */
export function callId(requestId: string, activity: QueryActivity | CommandActivity, n: number): string {
  return `${requestId};${activity};${n}`
}

/** Makes a call and tells the read's listener when it was answered. */
export async function timedRequest<T>(
  { onEvent }: CallSettings,
  activity: QueryActivity | CommandActivity,
  call: () => Promise<T>,
): Promise<T> {
  const askedAt = performance.now()
  const answer = await call()
  onEvent?.({ kind: 'request', activity, elapsedMs: performance.now() - askedAt })
  return answer
}
