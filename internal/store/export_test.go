package store

// What the tests of this package try by itself.
var (
	ParseEvent  = parseEvent
	FormatEvent = formatEvent
)
