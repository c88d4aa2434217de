/** ` (did you mean X?)` for the nearest of the known words, or nothing when none is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const bare = word.replace(/^-+/, '')
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: editDistance(bare, candidate.replace(/^-+/, '')) }))
    .filter(({ candidate, distance }) => {
      const near = Math.max(1, Math.min(2, Math.floor(bare.length / 2)))
      return distance <= near || (bare.length > 2 && candidate.replace(/^-+/, '').startsWith(bare))
    })
    .toSorted((a, b) => a.distance - b.distance)
  return nearest === undefined ? '' : ` (did you mean ${nearest.candidate}?)`
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [row, left] of Array.from(a).entries()) {
    const current = [row + 1]
    for (const [column, right] of Array.from(b).entries()) {
      const replaced = (previous[column] ?? 0) + (left === right ? 0 : 1)
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
