package intake

import "slices"

// Nearest sorts known words by how few letters have to change to come from
// word to each; those that are equally near stay in their order.
func Nearest(word string, known []string) []string {
	sorted := slices.Clone(known)
	slices.SortStableFunc(sorted, func(a, b string) int { return distance(word, a) - distance(word, b) })
	return sorted
}

// Alike reports whether one word can be a slip for the other.
func Alike(word, other string) bool {
	return distance(word, other) <= max(1, len(other)/3)
}

// maxWord bounds the words that are compared, in letters.
const maxWord = 64

// distance is the number of letters to put in, take out or change.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	if len(from) > maxWord {
		from = from[:maxWord]
	}
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range from {
		before := row[0]
		row[0] = i + 1
		for j, s := range to {
			cost := before
			if r != s {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, before+1)
		}
	}
	return row[len(to)]
}
