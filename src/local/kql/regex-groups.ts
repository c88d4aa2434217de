/** Names of the capture groups of a regular expression in order, undefined for a group without a name. */
export function captureGroups(pattern: string): readonly (string | undefined)[] {
  const groups: (string | undefined)[] = []
  let inClass = false
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern.charAt(at)
    if (char === '\\') {
      if (pattern.charAt(at + 1) === 'Q') at = quotedEnd(pattern, at)
      else at++
    } else if (inClass) {
      inClass = char !== ']'
    } else if (char === '[') {
      inClass = true
      // A bracket right after the opening one, or after its ^, is a member of the class.
      const member = pattern.charAt(at + 1) === '^' ? at + 2 : at + 1
      if (pattern.charAt(member) === ']') at = member
    } else if (char === '(') {
      const name = /^\(\?P?<([^>=!]+)>/.exec(pattern.slice(at))
      if (name) groups.push(name[1])
      else if (pattern.charAt(at + 1) !== '?') groups.push(undefined)
    }
  }
  return groups
}

function quotedEnd(pattern: string, at: number): number {
  const end = pattern.indexOf('\\E', at + 2)
  return end < 0 ? pattern.length : end + 1
}
