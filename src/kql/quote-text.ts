const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["'", "\\'"],
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\t', '\\t'],
  ['\n', '\\n'],
  ['\r', '\\r'],
])

// Controls, line separators (the lexer ends a line there), invisible format characters and halves of a surrogate pair.
const ESCAPED = /['"\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** A KQL string literal, in double quotes. */
export function quoteText(value: string): string {
  return `"${escapeText(value)}"`
}

/** What stands between the quotes, in either kind of quotes. */
export function escapeText(value: string): string {
  return value.replaceAll(ESCAPED, (found) => ESCAPES.get(found) ?? unicodeEscapes(found))
}

/** Outside of the basic plane one character is two units, and two escapes. */
function unicodeEscapes(character: string): string {
  let escapes = ''
  for (let at = 0; at < character.length; at++) {
    escapes += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`
  }
  return escapes
}
