import type { AccessToken } from '@azure/core-auth'
import { Renewed } from '../base/renewed.ts'

/** A token this close to its end is replaced, one of a short life at half of it. */
const REFRESH_BEFORE_MS = 5 * 60_000
/** A token this close to its end is not sent, even if it cannot be replaced. */
const USELESS_BEFORE_MS = 30_000

/** How long a credential or a function may take to give a token. */
export const GET_TOKEN_TIMEOUT_MS: number = 120_000

/**
 * A token that is kept until shortly before its end: one request for callers that ask together, and while it cannot be
 * renewed the old one serves. `clock` tells milliseconds since 1970, since tokens end by the calendar.
 */
export function renewedToken<Token extends AccessToken | null>(
  getToken: (abortSignal: AbortSignal) => Promise<Token>,
  clock: () => number,
): Renewed<Token> {
  return new Renewed(getToken, {
    timeoutMs: GET_TOKEN_TIMEOUT_MS,
    maxAgeMs: (token) => (token?.refreshAfterTimestamp ?? Infinity) - clock(),
    lifeMs: (token) => (token?.expiresOnTimestamp ?? 0) - USELESS_BEFORE_MS - clock(),
    marginMs: REFRESH_BEFORE_MS - USELESS_BEFORE_MS,
    now: clock,
  })
}
