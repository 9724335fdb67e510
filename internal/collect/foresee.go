package collect

import (
	"context"

	"github.com/vitrine-project/vitrine"
)

// foresight is the key of a context under which a run's scope stands.
type foresight struct{}

// foreseeing lets the source that gets ctx ask Foresee.
func foreseeing(ctx context.Context, s vitrine.Scope) context.Context {
	return context.WithValue(ctx, foresight{}, s)
}

// Foresee reports whether the run in which ctx is handed to Enumerate will
// open the item once it is yielded. A source at the far end of a network may
// ask for its bytes ahead, so that they are there when their turn comes. The
// answer is Decide's; outside of a run it is no.
func Foresee(ctx context.Context, it Item) bool {
	s, ok := ctx.Value(foresight{}).(vitrine.Scope)
	if !ok {
		return false
	}
	v := Decide(s, it)
	return v.Decision == In || v.Decision == Undeterminable
}

// Settled reports whether the store's record of arrival alone puts the item
// outside of the run in which ctx is handed to Enumerate. Such an item need not
// be opened at all: nothing in it can bring it back. Outside of a run it is no.
func Settled(ctx context.Context, it Item) bool {
	s, ok := ctx.Value(foresight{}).(vitrine.Scope)
	return ok && s.Clock == vitrine.ClockReceived && it.Uncertain == "" && !it.Lasting && side(s.Period, it.Received) == outside
}
