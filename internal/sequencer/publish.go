package sequencer

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// slack is how much earlier than a tick's second a quorum's time may be: clocks
// differ a little. More means that this machine's runs ahead.
const slack = 60

// cosign has the newest plan's tree cosigned and publishes it. What was cosigned
// before a crash, Open published.
func (l *Log) cosign(ctx context.Context, out Published) (Published, error) {
	p := l.last
	b, unsigned, err := l.ask(ctx, p)
	out.Checkpoint, out.Unsigned = b, unsigned
	if err != nil {
		return out, err
	}
	l.reached("publish: cosigned")
	if err := l.stop(l.write(checkpointName(p.After.Size()), b)); err != nil {
		return out, err
	}
	return out, l.stop(l.publish(p, b))
}

// ask signs the plan's tree and has the witnesses cosign it.
func (l *Log) ask(ctx context.Context, p *plan) ([]byte, map[string]string, error) {
	period := l.Chain()[p.Period]
	if err := l.signs(period.Header); err != nil {
		return nil, nil, err
	}
	if _, err := l.newTiles(p); err != nil { // nothing is signed that could not be published
		return nil, nil, l.stop(err)
	}
	text := ledger.CheckpointText(period.Origin, p.After.Size(), p.After.Root())
	signed, err := note.Sign(&note.Note{Text: text}, l.o.Signer)
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: sign checkpoint: %w", err)
	}
	c := &crowd{witnesses: l.o.Witnesses, client: l.o.Client, dir: l.path(logDir), tree: p.After, before: p.Before.Size(), checkpoint: signed}
	b, unsigned := c.gather(ctx, period.Witnesses)
	cp, err := period.OpenCheckpoint(b)
	if err != nil {
		return nil, unsigned, vitrine.Refusef(vitrine.Failed, "%s is not published: %v (%s). It is kept as it is: run the same command again when the witnesses answer", l.name(p), err, list(unsigned))
	}
	if at, ok := cp.Time(); ok && p.Tick == 0 && at >= period.From {
		return nil, unsigned, vitrine.Refusef(vitrine.Refused, "header 0 is not published: the witnesses say that it is %d, and its period began at %d", at, period.From)
	} else if ok && p.Tick > 0 && int64(at)+slack < period.TickTime(p.Tick).Unix() {
		return nil, unsigned, vitrine.Refusef(vitrine.Refused, "%s is not published: the witnesses say that its second is still to come: set this machine's clock", l.name(p))
	}
	return b, unsigned, nil
}

// publish makes the plan's tick public, under its cosigned checkpoint, which is
// kept. It can be done again from the beginning after a crash. The newest
// checkpoint comes last, so that whoever reads it finds the rest.
func (l *Log) publish(p *plan, checkpoint []byte) error {
	l.reached("publish: checkpoint kept")
	if err := l.publishTree(p); err != nil {
		return err
	}
	l.reached("publish: tiles")
	if err := l.publishPapers(p); err != nil {
		return err
	}
	l.reached("publish: notices")
	if err := l.write(publicDir+"/checkpoint", checkpoint); err != nil {
		return err
	}
	l.reached("publish: done")
	for _, dir := range []string{publicDir, logDir} {
		if err := l.prune(dir, p); err != nil {
			return err
		}
	}
	return l.closePlan(p)
}

// closePlan notes that all of the plan is public, and drops what the log holds.
func (l *Log) closePlan(p *plan) error {
	closed := *p
	closed.entries, closed.Published = nil, max(l.o.Now().Unix(), 1)
	b, err := closed.marshal()
	if err != nil {
		return fmt.Errorf("ledger: write plan: %w", err)
	}
	if err := l.write(planName(p.Period, p.Tick), b); err != nil {
		return err
	}
	l.mu.Lock()
	l.last = &closed
	waiting := l.pending
	err = l.setPending(waiting)
	l.mu.Unlock()
	l.reached("publish: plan closed")
	return err
}

// newTiles are the plan's bundles and the new hash tiles, as the log has them.
// The bundles are compared with the plan, the tiles are checked against the tree
// that is cosigned.
func (l *Log) newTiles(p *plan) (map[string][]byte, error) {
	files := map[string][]byte{}
	for n := p.Before.Bundles; n < p.After.Bundles; n++ {
		from := (n - p.Before.Bundles) * ledger.BundleSize
		want := packEntries(p.entries[from : from+ledger.BundleSize])
		got, err := l.read(logDir + "/" + ledger.EntriesPath(n))
		if err != nil || !bytes.Equal(got, want) {
			return nil, l.damaged("bundle %d of the log is not the one that the plan of %s says", n, l.name(p))
		}
		files[ledger.EntriesPath(n)] = want
	}
	reader := hashes(l.path(logDir), p.After)
	for _, t := range tlog.NewTiles(8, int64(p.Before.Size()), int64(p.After.Size())) {
		b, err := tlog.ReadTileData(t, reader)
		if err != nil {
			return nil, l.damaged("%s: %v", tileName(t), err)
		}
		files[tileName(t)] = b
	}
	return files, nil
}

func (l *Log) publishTree(p *plan) error {
	files, err := l.newTiles(p)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := l.write(publicDir+"/"+name, files[name]); err != nil {
			return err
		}
	}
	return nil
}

// publishPapers publishes headers and documents that the tick brings or
// announces, and the list of notices.
func (l *Log) publishPapers(p *plan) error {
	l.mu.Lock()
	chain, notices := l.chain, l.notices
	l.mu.Unlock()
	for _, q := range chain {
		said := q.Number == p.Period || containsDigest(p.Notices, q.Hash)
		if !said {
			continue
		}
		b, err := q.Header.Marshal()
		if err != nil {
			return fmt.Errorf("ledger: write header: %w", err)
		}
		if err := l.write(publicDir+"/headers/"+strconv.FormatUint(q.Number, 10)+".json", b); err != nil {
			return err
		}
	}
	for _, n := range p.Notices {
		if !ledger.Documented(n.Kind) {
			continue
		}
		b, err := l.read(documentsDir + "/" + n.Digest.String())
		if err != nil {
			return l.damaged("the document %s of a %s: %v", n.Digest, n.Kind, err)
		}
		if err := l.write(publicDir+"/documents/"+n.Digest.String(), b); err != nil {
			return err
		}
	}
	b, err := ledger.MarshalNotices(notices)
	if err != nil {
		return fmt.Errorf("ledger: write notices: %w", err)
	}
	return l.write(publicDir+"/notices.json", b)
}

func containsDigest(list []ledger.Notice, digest ledger.Hash) bool {
	for _, n := range list {
		if n.Digest == digest {
			return true
		}
	}
	return false
}

// prune removes the partial versions of tiles that the plan made full.
func (l *Log) prune(dir string, p *plan) error {
	for _, t := range tlog.NewTiles(8, int64(p.Before.Size()), int64(p.After.Size())) {
		if t.W < 256 {
			continue
		}
		if err := os.RemoveAll(filepath.Join(l.path(dir), tileName(t)+".p")); err != nil {
			return l.explain("remove partial tiles", err)
		}
	}
	return nil
}
