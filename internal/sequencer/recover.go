package sequencer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// recover reads the directory, and goes on with what was begun in it.
func (l *Log) recover(ctx context.Context) error {
	for _, step := range []func() error{l.readHeaders, l.readPlans, l.readPublic, l.readPending} {
		if err := step(); err != nil {
			return err
		}
	}
	if l.published().Size() < l.o.Seen {
		return l.damaged("%d entries are published in it, but %d were seen: it is an older copy", l.published().Size(), l.o.Seen)
	}
	if l.last == nil {
		l.chain = nil // a header 0 of which nothing was planned is forgotten: another may begin
		return nil
	}
	for _, p := range l.chain[l.last.Period+1:] { // one may have been kept, and not told
		if err := l.queue(ledger.NoticeHeader, p.Hash); err != nil {
			return err
		}
	}
	if err := l.append(ctx, l.last); err != nil {
		return err
	}
	if l.last.Published == 0 {
		return l.finish()
	}
	return nil
}

// finish publishes what has its quorum already.
func (l *Log) finish() error {
	b, cp, err := l.kept(l.chain, l.last.After.Size())
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the next Tick asks the witnesses
	}
	if err != nil {
		return err
	}
	if cp.Root != l.last.After.Root() {
		return l.damaged("the kept checkpoint of %s is that of another tree: the plan is an older copy", l.name(l.last))
	}
	return l.publish(l.last, b)
}

// readHeaders reads the headers that were taken.
func (l *Log) readHeaders() error {
	for n := 0; ; n++ {
		b, err := l.read(headerName(uint64(n)))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
		h, err := ledger.ParseHeader(b)
		if err != nil {
			return l.damaged("%s: %v", headerName(uint64(n)), err)
		}
		if l.chain, err = l.chain.With(h); err != nil {
			return l.damaged("%s: %v", headerName(uint64(n)), err)
		}
	}
	names, err := l.names(headersDir)
	if err == nil && len(names) != len(l.chain) {
		err = l.damaged("it has no header %d, but later ones", len(l.chain))
	}
	return err
}

func headerName(n uint64) string { return headersDir + "/" + strconv.FormatUint(n, 10) + ".json" }

// readPlans checks that there is a plan for each tick up to the newest, and
// reads that one.
func (l *Log) readPlans() error {
	names, err := l.names(plansDir)
	if err != nil || len(names) == 0 {
		return err
	}
	period, tick := uint64(0), uint64(0)
	for i, name := range names {
		if i > 0 {
			if tick++; period < uint64(len(l.chain)) && tick > l.chain[period].Ticks {
				period, tick = period+1, 1
			}
		}
		if period >= uint64(len(l.chain)) {
			return l.damaged("it has a plan %s, but no header %d", name, period)
		}
		if want := planName(period, tick); plansDir+"/"+name != want {
			return l.damaged("the plan of tick %d of period %d is missing", tick, period)
		}
	}
	p, s, err := l.readPlan(planName(period, tick))
	if err != nil {
		return err
	}
	if p.Period != period || p.Tick != tick || p.After.Size() != l.chain[period].After(tick) {
		return l.damaged("the plan %s is that of another place", names[len(names)-1])
	}
	l.last, l.sums = p, s.Sums
	return nil
}

// readPlan reads a plan and unseals what it holds of facts.
func (l *Log) readPlan(name string) (*plan, *secret, error) {
	b, err := l.read(name)
	if err != nil {
		return nil, nil, l.explain("read "+name, err)
	}
	p, err := parsePlan(b)
	if err != nil {
		return nil, nil, l.damaged("%s: %v", name, err)
	}
	plain, err := l.o.Seal.Unseal(p.Secret)
	if err != nil {
		return p, nil, vitrine.Refusef(vitrine.Usage, "%s in %s cannot be unsealed (%v): give the key that it was sealed to", name, l.o.Dir, err)
	}
	s := new(secret)
	if err := json.Unmarshal(plain, s); err != nil {
		return p, nil, l.damaged("%s: what is sealed in it cannot be read", name)
	}
	return p, s, nil
}

// readPublic compares what is published with the newest plan.
func (l *Log) readPublic() error {
	b, err := l.Checkpoint()
	if errors.Is(err, fs.ErrNotExist) {
		if l.published().Bundles > 0 {
			return l.damaged("no checkpoint is published, but %s was", l.name(l.last))
		}
		return l.readNotices()
	}
	if err != nil {
		return err
	}
	if l.last == nil {
		return l.damaged("a checkpoint is published, but there is no plan: the plans are missing")
	}
	cp, err := open(l.chain, b)
	if err != nil {
		return l.damaged("the published checkpoint: %v", err)
	}
	want := l.published()
	if cp.Size == l.last.After.Size() { // perhaps the process was killed before the plan was closed
		want = l.last.After
	}
	if cp.Size != want.Size() || cp.Root != want.Root() {
		return l.damaged("the published checkpoint has %d entries and root %s, the plans say %d and %s: they are not of one time", cp.Size, cp.Root, want.Size(), want.Root())
	}
	return l.readNotices()
}

// open verifies a checkpoint of this log against the policy of its time.
func open(chain ledger.Chain, b []byte) (ledger.Checkpoint, error) {
	p, err := policyOf(chain, b)
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	return p.OpenCheckpoint(b)
}

// policyOf returns the period whose header is the newest in a checkpoint's tree.
func policyOf(chain ledger.Chain, b []byte) (*ledger.Period, error) {
	size, err := ledger.CheckpointSize(b)
	if err != nil {
		return nil, err
	}
	p, _, err := chain.TickAt(size)
	return p, err
}

// kept returns the cosigned checkpoint of a tick's end, the first that there
// was, and fs.ErrNotExist if there is none yet.
func (l *Log) kept(chain ledger.Chain, size uint64) ([]byte, ledger.Checkpoint, error) {
	name := checkpointName(size)
	b, err := l.read(name)
	if err != nil {
		return nil, ledger.Checkpoint{}, err
	}
	cp, err := open(chain, b)
	if err == nil && cp.Size != size {
		err = fmt.Errorf("it has %d entries", cp.Size)
	}
	if err != nil {
		return nil, cp, l.damaged("%s: %v", name, err)
	}
	return b, cp, nil
}

func checkpointName(size uint64) string {
	return publicDir + "/checkpoints/" + strconv.FormatUint(size, 10)
}

// readNotices takes the public notices and those of the newest plan.
func (l *Log) readNotices() error {
	if l.last == nil {
		return nil
	}
	b, err := l.read(publicDir + "/notices.json")
	if errors.Is(err, fs.ErrNotExist) && l.published().Bundles == 0 {
		b, err = ledger.MarshalNotices(nil)
	}
	if err != nil {
		return l.damaged("notices.json: %v", err)
	}
	list, err := ledger.ParseNotices(b)
	if err != nil {
		return l.damaged("%v", err)
	}
	for _, n := range list {
		if n.Bundle < l.last.Before.Bundles {
			l.notices = append(l.notices, n)
		}
	}
	l.notices = append(l.notices, l.last.Notices...)
	if notes := fold(ledger.Hash{}, l.notices); notes != l.last.Notes {
		return l.damaged("the notices in notices.json make the chain %s, the plan of %s says %s", notes, l.name(l.last), l.last.Notes)
	}
	return nil
}

// fold returns the chain of notices after a list of them.
func fold(notes ledger.Hash, list []ledger.Notice) ledger.Hash {
	for _, n := range list {
		notes = n.After(notes)
	}
	return notes
}
