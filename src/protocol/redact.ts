/** What stands in place of a secret. */
export const REDACTED: string = '****'

type Rule = readonly [RegExp, string | ((found: string) => string)]

// Order matters: whole URLs first, so that what follows sees their queries gone.
const RULES: readonly Rule[] = [
  // Obfuscated KQL literals, as commands carry them.
  [/\b[hH]@?"(?:[^"\\\r\n]|\\.)*"?/g, `h"${REDACTED}"`],
  [/\b[hH]@?'(?:[^'\\\r\n]|\\.)*'?/g, `h'${REDACTED}'`],
  [/\b(https?:\/\/)[^\s"'<>/@:]*:[^\s"'<>/@]*@/g, `$1${REDACTED}@`],
  // The query of a URL is a SAS as far as we know, and what follows a `;` a key, a token or the way to sign in. Taken whole
  // and cut afterwards: a pattern that looks for the cut begins anew at every scheme of a long run of them.
  [/\b(?:https?|abfss?|wasbs?):\/\/[^\s"'<>]*/g, (url) => url.replace(/([?;])[\s\S]*$/, `$1${REDACTED}`)],
  [/(?:\b|(?<=%[\da-f]{2}))Bearer(?:\s+|%20)[\w.~+/=-]+/gi, `Bearer ${REDACTED}`],
  [
    /\b(authorization["']?\s*[=:]\s*["']?(?:basic|negotiate|digest|sharedkey(?:lite)?)\s+)[\w.~+/=:-]+/gi,
    `$1${REDACTED}`,
  ],
  // A JSON web token, wherever it stands.
  [/\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)*/g, REDACTED],
  [
    /(?:\b|(?<=%[\da-f]{2}))(sig|sharedkey|accountkey|shared_?access_?(?:signature|key)|access_?token|refresh_?token|id_?token|client_?secret|client_?assertion|password|pwd|app(?:lication)?\s*key|app(?:lication)?\s*token|us(?:e)?r\s*token|application\s*certificate\s*(?:blob|privatekey)|authorizationcontext)(["']?\s*(?:[=:]|%3[Dd])\s*)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s;&,"'}]+)/gi,
    `$1$2${REDACTED}`,
  ],
  [/\b(awscredentials=)[^\s;"']+/gi, `$1${REDACTED}`],
  // With `=` or as a member of JSON: parsers speak of a `token: ')'`.
  [/(?:\b|(?<=%[\da-f]{2}))(token(?:=|%3[Dd]))[^\s;&,"'}]+/gi, `$1${REDACTED}`],
  [/("token"\s*:\s*)"(?:[^"\\]|\\.)*"/gi, `$1"${REDACTED}"`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, REDACTED],
  // A storage account key on its own: 64 bytes of base64.
  [/(?<![\w+/])[\w+/]{86}==/g, REDACTED],
]

/** The text without what looks like a secret: SAS queries, keys, tokens, passwords, obfuscated literals. */
export function redact(text: string): string {
  return RULES.reduce(
    (rest, [pattern, replacement]) =>
      typeof replacement === 'string' ? rest.replaceAll(pattern, replacement) : rest.replaceAll(pattern, replacement),
    text,
  )
}

/** The URL or storage connection string up to its query and credentials. */
export function redactUrl(url: string): string {
  return url.replace(/[?#;][\s\S]*$/, '')
}
