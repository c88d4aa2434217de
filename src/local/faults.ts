import { KustoUsageError } from '../errors.ts'

/** Which requests a rule is for; every given condition must hold. */
export interface FaultMatch {
  /** Part of the URL path, for example '/v2/rest/query'. */
  readonly path?: string
  /** Part of the query or command text; never matches a request without one. */
  readonly text?: string
  readonly clientRequestIdPrefix?: string
  readonly method?: string
}

/** What a matching request gets instead of, or on top of, its answer. */
export interface FaultAction {
  /** Answer with this status and nothing executed. */
  readonly status?: number
  /** Body for `status`: text as it is, or an object as JSON; default Kusto's error shape for that status. */
  readonly body?: string | Readonly<Record<string, unknown>>
  /** Headers for `status`, for example { 'Retry-After': '1' }. */
  readonly headers?: Readonly<Record<string, string>>
  /** Wait this long before answering. */
  readonly delayMs?: number
  /** Send this many bytes of the real body, then cut the connection. */
  readonly truncateAfterBytes?: number
  /** Cut the connection without an answer. */
  readonly reset?: boolean
  /** Carry the request out, then cut the connection without a byte of the answer. */
  readonly dropAnswer?: boolean
  /** Let a query deliver its rows and then fail inside the body, where the request asked errors to be placed. */
  readonly lateError?: boolean | { readonly code: string; readonly message: string; readonly permanent?: boolean }
  /** What `/v1/rest/auth/metadata` answers: AzureAD null. (For 404 and 500 use `status`.) */
  readonly nullMetadata?: boolean
}

export interface FaultRule {
  readonly match?: FaultMatch
  /** How many matching requests are hit; default all. */
  readonly times?: number
  /** How many matching requests pass before the rule begins; default 0. */
  readonly after?: number
  readonly action: FaultAction
}

const RULE_KEYS: readonly string[] = ['match', 'times', 'after', 'action']
const MATCH_KEYS: readonly string[] = ['path', 'text', 'clientRequestIdPrefix', 'method']
const ACTION_KEYS: readonly string[] = [
  'status',
  'body',
  'headers',
  'delayMs',
  'truncateAfterBytes',
  'reset',
  'dropAnswer',
  'lateError',
  'nullMetadata',
]

/** What a rule is matched against. */
export interface FaultSubject {
  readonly path: string
  readonly method: string
  readonly text: string | undefined
  readonly clientRequestId: string
}

interface Armed {
  readonly rule: FaultRule
  seen: number
}

/** The faults to inject, changeable at run time. The first rule that matches and is not used up wins. */
export class Faults {
  #armed: Armed[]

  constructor(rules: readonly FaultRule[] = []) {
    this.#armed = rules.map(arm)
  }

  /** Replaces all rules. */
  set(rules: readonly FaultRule[]): void {
    this.#armed = rules.map(arm)
  }

  add(rule: FaultRule): void {
    this.#armed.push(arm(rule))
  }

  clear(): void {
    this.#armed = []
  }

  /** The action for this request; counts it against the rules. */
  take(subject: FaultSubject): FaultAction | undefined {
    for (const armed of this.#armed) {
      const { rule } = armed
      if (!matches(rule.match ?? {}, subject)) continue
      armed.seen += 1
      const turn = armed.seen - (rule.after ?? 0)
      if (turn >= 1 && turn <= (rule.times ?? Infinity)) return rule.action
    }
    return undefined
  }
}

function arm(rule: FaultRule): Armed {
  checkKeys(rule, RULE_KEYS)
  checkKeys(rule.match ?? {}, MATCH_KEYS)
  checkKeys(rule.action, ACTION_KEYS)
  return { rule, seen: 0 }
}

/** A fault that a typo keeps from happening would make its test pass for nothing. */
function checkKeys(given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((key) => !known.includes(key))
  if (unknown === undefined) return
  throw new KustoUsageError(
    'KUSTO_BAD_OPTION',
    `unknown key '${unknown}' in a fault rule; known are ${known.join(', ')}`,
  )
}

function matches(match: FaultMatch, subject: FaultSubject): boolean {
  return (
    (match.path === undefined || subject.path.includes(match.path)) &&
    (match.method === undefined || subject.method === match.method.toUpperCase()) &&
    (match.text === undefined || (subject.text?.includes(match.text) ?? false)) &&
    (match.clientRequestIdPrefix === undefined || subject.clientRequestId.startsWith(match.clientRequestIdPrefix))
  )
}
