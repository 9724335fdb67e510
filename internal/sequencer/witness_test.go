package sequencer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// strange is a witness that answers as a test has it.
type strange struct {
	*Cosigner
	answer func(a asked) ([]byte, error)
}

// asked is what a witness was asked, and what it would have answered.
type asked struct {
	old        uint64
	checkpoint []byte
	lines      []byte
	err        error
}

func (s *strange) Cosign(ctx context.Context, old uint64, proof []ledger.Hash, checkpoint []byte) ([]byte, error) {
	lines, err := s.Cosigner.Cosign(ctx, old, proof, checkpoint)
	return s.answer(asked{old, checkpoint, lines, err})
}

// TestQuorum has one of two witnesses answer wrongly: the tick is not
// published, nothing is public, and it says who did not sign and why. When the
// witness is right again, the same tree is published.
func TestQuorum(t *testing.T) {
	t.Parallel()
	h, dirs := states(t)
	ctx := context.Background()
	for name, x := range map[string]struct {
		answer func(asked) ([]byte, error)
		want   string
	}{
		"down":         {func(asked) ([]byte, error) { return nil, errors.New("connection refused") }, "connection refused"},
		"nothing":      {func(asked) ([]byte, error) { return nil, nil }, "no valid signature"},
		"garbage":      {func(asked) ([]byte, error) { return []byte("garbage\n"), nil }, "no valid signature"},
		"another text": {func(a asked) ([]byte, error) { return append([]byte("\n"), a.lines...), a.err }, "no valid signature"},
		"its own text": {signsAnother, "its answer changes what was to be signed"},
		"no time":      {atZero, "its signature has no time"},
		"a bent line":  {func(a asked) ([]byte, error) { return bent(a.lines), a.err }, "no valid signature"},
		"another's line": {func(asked) ([]byte, error) {
			return NewCosigner("witness1.example", keyOf("nobody"), func() time.Time { return begin }).sign("x\n"), nil
		}, "no valid signature"},
		"a larger tree": {func(asked) ([]byte, error) { return nil, &Seen{1 << 20} }, "this directory is an older copy of the ledger, or another one signs with the same key"},
		"in circles":    {func(a asked) ([]byte, error) { return nil, &Seen{a.old ^ 256} }, "each time that it has seen another tree"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := h.in(t, dirs["tick"])
			s := &strange{NewCosigner("witness1.example", keyOf(c.name+"1"), c.o.Now), x.answer}
			c.o.Witnesses[1].Cosigns = s
			l := c.open()
			before := files(t, l.Public())
			_, _, at, _ := l.Next()
			c.clock.set(at)
			for range 2 {
				out, err := l.Tick(ctx, nil)
				refused(t, err, "is not published: checkpoint of 1024 entries: 1 of the 2 witnesses")
				refused(t, err, "witness1.example of Organisation 1: ")
				refused(t, err, x.want)
				if len(out.Unsigned) != 1 || vitrine.ExitCode(err) != 1 {
					t.Errorf("unsigned %v, exit code %d", out.Unsigned, vitrine.ExitCode(err))
				}
			}
			sameFiles(t, before, files(t, l.Public()))
			s.answer = func(a asked) ([]byte, error) { return a.lines, a.err }
			out, err := l.Tick(ctx, nil)
			if err != nil || len(out.Unsigned) != 0 {
				t.Fatal(err, out.Unsigned)
			}
			c.auditedOnce(l, name)
		})
	}
}

// signsAnother answers with a valid signature over a longer text, put so that
// the whole is a note.
func signsAnother(a asked) ([]byte, error) {
	c := NewCosigner("witness1.example", keyOf("states1"), func() time.Time { return begin })
	return append([]byte("more\n\n"), c.sign(string(a.checkpoint)+"more\n")...), nil
}

// atZero answers with a valid signature of the time zero.
func atZero(a asked) ([]byte, error) {
	text, _, _ := strings.Cut(string(a.checkpoint), "\n\n")
	c := NewCosigner("witness1.example", keyOf("states1"), func() time.Time { return time.Unix(0, 0) })
	return c.sign(text + "\n"), nil
}

// bent changes one bit of a signature.
func bent(lines []byte) []byte {
	if len(lines) == 0 {
		return nil
	}
	b, i := bytes.Clone(lines), len(lines)-10
	if b[i]++; b[i] == '{' || b[i] == '[' || b[i] == ':' {
		b[i] = 'A'
	}
	return b
}

// TestUnknownWitness has a policy with a witness that nothing reaches.
func TestUnknownWitness(t *testing.T) {
	t.Parallel()
	h := newHouse(t, t.Name())
	h.o.Witnesses = h.o.Witnesses[:1]
	l := h.open()
	refused(t, l.Begin(context.Background(), h.header(1)), "nothing says how to reach it")
	if _, err := l.Checkpoint(); err == nil {
		t.Error("a checkpoint is public")
	}
}

// TestNoQuorum publishes with the log's signature alone where nobody watches.
func TestNoQuorum(t *testing.T) {
	t.Parallel()
	h := newHouse(t, t.Name())
	h.crowd, h.o.Witnesses = nil, nil
	l := h.open()
	if err := l.Begin(context.Background(), h.header(1)); err != nil {
		t.Fatal(err)
	}
	h.tick(l)
	audited(t, l.Public())
}

// TestWitnessTime has the witnesses' clock differ from this machine's.
func TestWitnessTime(t *testing.T) {
	t.Parallel()
	h, dirs := states(t)
	c := h.in(t, dirs["tick"])
	theirs := &clock{}
	for i := range c.o.Witnesses {
		c.o.Witnesses[i].Cosigns = NewCosigner(fmt.Sprintf("witness%d.example", i), keyOf(fmt.Sprint(c.name, i)), theirs.now)
	}
	l := c.open()
	_, _, at, _ := l.Next()
	c.clock.set(at)
	theirs.set(at.Add(-time.Hour))
	refused(t, tickOnly(l), "the witnesses say that its second is still to come")
	theirs.set(at.Add(-time.Second))
	if err := tickOnly(l); err != nil {
		t.Error(err)
	}
	// header 0 must be seen before its period
	c = newHouse(t, t.Name())
	for i := range c.o.Witnesses {
		c.o.Witnesses[i].Cosigns = NewCosigner(fmt.Sprintf("witness%d.example", i), keyOf(fmt.Sprint(c.name, i)), theirs.now)
	}
	theirs.set(begin)
	refused(t, c.open().Begin(context.Background(), c.header(1)), "header 0 is not published: the witnesses say")
}

// TestProtocol checks what is sent to a witness's URL, and each kind of answer.
func TestProtocol(t *testing.T) {
	t.Parallel()
	h, dirs := states(t)
	var answer func(w http.ResponseWriter, body string)
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		b, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.URL.Path != "/w1/add-checkpoint" {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		answer(w, string(b))
	}))
	t.Cleanup(server.Close)
	c := h.in(t, dirs["tick"])
	key := c.o.Witnesses[1].Cosigns.(*Cosigner)
	c.o.Witnesses[1] = Witness{Key: c.o.Witnesses[1].Key, URL: server.URL + "/w1/"}
	l := c.open()
	_, _, at, _ := l.Next()
	c.clock.set(at)
	for status, want := range map[int]string{
		404: "does not know this log", 403: "does not trust the key", 409: "has cosigned another tree of this size", 422: "two histories", 500: "status 500", 429: "status 429",
	} {
		answer = func(w http.ResponseWriter, _ string) { w.WriteHeader(status) }
		refused(t, tickOnly(l), want)
	}
	answer = func(w http.ResponseWriter, _ string) { _, _ = w.Write(bytes.Repeat([]byte("x"), maxAnswer+1)) }
	refused(t, tickOnly(l), "more than")
	// it knows header 0 alone; then the whole is right
	calls.Store(0)
	answer = func(w http.ResponseWriter, body string) {
		head, checkpoint, _ := strings.Cut(body, "\n\n")
		lines := strings.Split(head, "\n")
		if lines[0] != "old 256" {
			w.Header().Set("Content-Type", "text/x.tlog.size")
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, "256\n")
			return
		}
		var proof []ledger.Hash
		for _, l := range lines[1:] {
			b, err := base64.StdEncoding.DecodeString(l)
			if err != nil || len(b) != 32 {
				t.Errorf("line %q of the proof", l)
				return
			}
			proof = append(proof, ledger.Hash(b))
		}
		first, err := l.read(checkpointName(256))
		if err != nil {
			t.Error(err)
		}
		if _, err := key.Cosign(context.Background(), 0, nil, first); err != nil {
			t.Error(err)
		}
		sig, err := key.Cosign(context.Background(), 256, proof, []byte(checkpoint))
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(sig)
	}
	if err := tickOnly(l); err != nil {
		t.Fatal(err)
	}
	if calls.Load() != 2 {
		t.Errorf("asked %d times", calls.Load())
	}
	c.auditedOnce(l, "over HTTP")
}

// TestCosigner gives the witness in this process a history and other ones.
func TestCosigner(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := NewCosigner("w.example", keyOf("w"), func() time.Time { return begin })
	text := func(size uint64, root byte) []byte {
		return []byte(ledger.CheckpointText(origin, size, ledger.Hash{root}) + "\n— x y\n")
	}
	if _, err := c.Cosign(ctx, 0, nil, text(256, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Cosign(ctx, 256, nil, text(256, 1)); err != nil {
		t.Errorf("the same once more: %v", err)
	}
	_, err := c.Cosign(ctx, 256, nil, text(256, 2))
	refused(t, err, "two histories")
	_, err = c.Cosign(ctx, 256, []ledger.Hash{{3}}, text(512, 2))
	refused(t, err, "two histories")
	_, err = c.Cosign(ctx, 0, nil, text(512, 2))
	var seen *Seen
	if !errors.As(err, &seen) || seen.Size != 256 {
		t.Errorf("%v", err)
	}
	if _, err := c.Cosign(ctx, 0, nil, []byte("x")); err == nil {
		t.Error("it signs anything")
	}
}

// FuzzAnswer reads whatever a witness may answer: only a valid line of the key
// that was asked comes out, and the note stays one that opens.
func FuzzAnswer(f *testing.F) {
	w := NewCosigner("w.example", keyOf("w"), func() time.Time { return begin })
	text := ledger.CheckpointText(origin, 256, ledger.Hash{1})
	checkpoint := []byte(text + "\n— " + origin + " AAAA\n")
	f.Add(200, "", w.sign(text))
	f.Add(200, "", append([]byte("— other AAAAAAAA\n"), w.sign(text)...))
	f.Add(409, "text/x.tlog.size", []byte("256\n"))
	f.Add(409, "", []byte("256\n"))
	f.Add(200, "", append([]byte("\n\n"), w.sign(text)...))
	f.Fuzz(func(t *testing.T, status int, kind string, b []byte) {
		lines, err := readAnswer(status, kind, b)
		if err != nil {
			return
		}
		c := &crowd{checkpoint: checkpoint}
		line, err := c.line(w.Key(), lines)
		if err != nil {
			return
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(line, "— w.example "), "\n"))
		if err != nil || len(raw) != 4+8+ed25519.SignatureSize {
			t.Fatalf("line %q", line)
		}
		at := binary.BigEndian.Uint64(raw[4:])
		if !ed25519.Verify(w.key.Public().(ed25519.PublicKey), fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text), raw[12:]) || at == 0 {
			t.Fatalf("line %q does not sign the checkpoint", line)
		}
	})
}
