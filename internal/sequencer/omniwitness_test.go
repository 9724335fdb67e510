package sequencer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/ledger"
)

// omniwitness is a stock witness in a process of its own.
type omniwitness struct {
	t       *testing.T
	name    string
	key     ed25519.PrivateKey
	address string
	args    []string
	cmd     *exec.Cmd
}

// omniwitnessPath builds the witness once, out of tools/go.mod.
var omniwitnessPath = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "tool", "-modfile=tools/go.mod", "-n", "omniwitness")
	cmd.Dir = filepath.Join("..", "..")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, errs.String())
	}
	return strings.TrimSpace(string(out)), nil
})

// needOmniwitness returns the witness's program.
func needOmniwitness(t *testing.T) string {
	t.Helper()
	need.Tool(t, "go")
	path, err := omniwitnessPath()
	if err != nil {
		required := strings.Split(os.Getenv("VITRINE_REQUIRE"), ",")
		if slices.Contains(required, "omniwitness") || slices.Contains(required, "all") {
			t.Fatalf("needs omniwitness, which VITRINE_REQUIRE demands: %v", err)
		}
		t.Skipf("skipped: needs omniwitness (go build it out of tools/go.mod: %v)", err)
	}
	return path
}

// newOmniwitness starts a witness that knows the log of a house.
func newOmniwitness(t *testing.T, path string, h *house, n int) *omniwitness {
	t.Helper()
	w := &omniwitness{t: t, name: fmt.Sprintf("omni%d.example", n), key: keyOf(fmt.Sprint(h.name, "omni", n)), address: freeAddress(t)}
	dir := t.TempDir()
	private, logs := filepath.Join(dir, "key"), filepath.Join(dir, "logs.yaml")
	vkey := strings.Split(ledger.PublicKey(w.name, w.key.Public().(ed25519.PublicKey)), "+")
	for file, text := range map[string]string{
		private: "PRIVATE+KEY+" + w.name + "+" + vkey[1] + "+" + b64(append([]byte{1}, w.key.Seed()...)),
		logs:    "Logs:\n  - Origin: " + origin + "\n    URL: http://127.0.0.1:9/\n    PublicKey: " + h.header(1).Keys.Log + "\n    Feeder: none\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.args = []string{path, "--listen", w.address, "--metrics_listen", "", "--private_key_path", private, "--additional_logs", logs, "--db_file", filepath.Join(dir, "db")}
	w.start()
	t.Cleanup(w.stop)
	return w
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (w *omniwitness) start() {
	w.t.Helper()
	w.cmd = exec.Command(w.args[0], w.args[1:]...)
	var out bytes.Buffer
	w.cmd.Stderr = &out
	if err := w.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		res, err := http.Get("http://" + w.address + "/")
		if err == nil {
			_ = res.Body.Close()
			return
		}
	}
	w.stop()
	w.t.Fatalf("the witness does not listen: %s", out.String())
}

func (w *omniwitness) stop() {
	if w.cmd != nil {
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait()
		w.cmd = nil
	}
}

func (w *omniwitness) witness() Witness {
	return Witness{Key: ledger.WitnessKey(w.name, w.key.Public().(ed25519.PublicKey)), URL: "http://" + w.address}
}

// watched is a house whose log two stock witnesses watch. Their clock is the
// world's, so its ticks are short and now.
func watched(t *testing.T) (*house, []*omniwitness) {
	path := needOmniwitness(t)
	h := newHouse(t, t.Name())
	h.from, h.delta = time.Now().Truncate(time.Second).Add(45*time.Second), 2
	h.clock.set(time.Now())
	h.crowd, h.o.Witnesses = nil, nil
	var list []*omniwitness
	for n := range 2 {
		w := newOmniwitness(t, path, h, n)
		list = append(list, w)
		h.o.Witnesses = append(h.o.Witnesses, w.witness())
		h.crowd = append(h.crowd, ledger.Witness{Key: w.witness().Key, Organisation: w.name})
	}
	return h, list
}

// TestOmniwitness has two stock witnesses watch a log. With one down nothing is
// published; when it is back, the same tree is. A second history under the same
// key finds no quorum.
func TestOmniwitness(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h, crowd := watched(t)
	l := h.open()
	if err := l.Begin(ctx, h.header(3)); err != nil {
		t.Fatal(err)
	}
	aside, asideAtTwo := h.copyTo(t), ""
	h.tick(l, demand(t, l.Chain()[0], "us/search-warrant", "A-1", "alice")...)

	crowd[1].stop()
	_, _, at, _ := l.Next()
	h.clock.set(at)
	before := files(t, l.Public())
	facts := demand(t, l.Chain()[0], "us/subpoena", "A-2")
	_, err := l.Tick(ctx, facts)
	refused(t, err, "tick 2 of period 0 is not published: checkpoint of 768 entries: 1 of the 2 witnesses")
	refused(t, err, "omni1.example of omni1.example: ")
	sameFiles(t, before, files(t, l.Public()))
	planned := l.last.After.Root()
	asideAtTwo = h.copyTo(t)
	crowd[1].start()
	out, err := l.Tick(ctx, facts)
	if err != nil {
		t.Fatal(err)
	}
	if cp, err := l.Chain()[0].OpenCheckpoint(out.Checkpoint); err != nil || cp.Root != planned || len(out.Indices) != 1 {
		t.Errorf("another tree than the one that was planned (%v), or facts %v", err, out.Indices)
	}
	audited(t, l.Public())

	t.Run("split view", func(t *testing.T) { h.second(t, aside, 1, "it has seen a tree of 768 entries, this one has 512") })
	t.Run("split view of the same size", func(t *testing.T) {
		h.second(t, aside, 2, "it says that this tree does not continue the one it cosigned (422)")
	})
	t.Run("restart", func(t *testing.T) { // an old copy of this very plan is no other history
		c := h.in(t, asideAtTwo)
		c.o.Witnesses, c.clock = h.o.Witnesses, h.clock
		c.o.Now = h.o.Now
		l := c.open()
		if _, err := l.Tick(ctx, nil); err != nil {
			t.Error(err)
		}
	})
}

// second goes on with an older copy of a log, by ticks that are other than
// those that were published.
func (h *house) second(t *testing.T, dir string, ticks int, want string) {
	c := h.in(t, dir)
	c.o.Witnesses, c.clock = h.o.Witnesses, h.clock
	c.o.Now = h.o.Now
	l := c.open()
	if ticks == 2 { // nobody but the witnesses hinders it: it publishes tick 1 to itself
		c.alone(l)
	}
	before := files(t, l.Public())
	_, err := l.Tick(context.Background(), nil)
	refused(t, err, want)
	refused(t, err, "0 of the 2 witnesses")
	sameFiles(t, before, files(t, l.Public()))
}

// alone has the log take its next tick for published, as a provider would who
// changed the program.
func (h *house) alone(l *Log) {
	if err := l.prepare(context.Background(), nil); err != nil {
		h.t.Fatal(err)
	}
	if err := l.closePlan(l.last); err != nil {
		h.t.Fatal(err)
	}
}
