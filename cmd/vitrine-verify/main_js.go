//go:build js

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"syscall/js"
	"time"

	"github.com/vitrine-project/vitrine/internal/checking"
	"github.com/vitrine-project/vitrine/ledger"
)

// main offers the checks to the page's script as vitrineVerify, and waits.
// Files come through the script; nothing else leaves or enters.
func main() {
	js.Global().Set("vitrineVerify", map[string]any{
		"report":     promised(report),
		"receipt":    promised(receipt),
		"promise":    promised(promise),
		"submission": promised(submission),
	})
	select {}
}

// promised makes a check a function that returns a promise of its result, as
// JSON text.
func promised(check func(q js.Value) (any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		return js.Global().Get("Promise").New(js.FuncOf(func(_ js.Value, settle []js.Value) any {
			go func() {
				result, err := check(args[0])
				if err != nil {
					result = refused(err)
				}
				b, err := json.Marshal(result)
				if err != nil {
					settle[1].Invoke(err.Error())
					return
				}
				settle[0].Invoke(string(b))
			}()
			return nil
		}))
	})
}

// refused is the result of a check that did not verify, or that failed.
func refused(err error) any {
	var u *ledger.Unread
	var late *ledger.BrokenPromise
	r := map[string]any{"verified": false, "failed": errors.As(err, &u), "reason": err.Error()}
	if errors.As(err, &late) {
		r["broken"] = true
	}
	if none := (*ledger.NoReceipt)(nil); errors.As(err, &none) {
		r["missing"] = none.Accounts
	}
	return r
}

// report is the full audit. q has fetch, and may have progress and sampled.
func report(q js.Value) (any, error) {
	a := ledger.Audit{Fetch: ledger.Ahead(files(q.Get("fetch"))), Rand: rand.Reader, Sampled: q.Get("sampled").Truthy()}
	if progress := q.Get("progress"); progress.Truthy() {
		a.Progress = func(done, total uint64) { progress.Invoke(done, total) }
	}
	v, err := a.Run(context.Background())
	if err != nil {
		return nil, err
	}
	return checking.Audited(v), nil
}

// receipt checks receipts with the papers that q has.
func receipt(q js.Value) (any, error) {
	in := ledger.Inquiry{Receipts: bytesOf(q.Get("receipts")), Authority: textOf(q.Get("authority")), Reference: textOf(q.Get("reference"))}
	if d := q.Get("document"); d.Truthy() {
		in.Document = ledger.DocumentHash(bytesOf(d))
	}
	for i := range length(q.Get("accounts")) {
		in.Accounts = append(in.Accounts, q.Get("accounts").Index(i).String())
	}
	in.Promises = list(q.Get("promises"))
	if fetch := q.Get("fetch"); fetch.Truthy() {
		in.Site = ledger.NewSite(files(fetch))
		in.Site.Now = uint64(time.Now().Unix())
	}
	a, err := in.Answer()
	return checking.ReceiptResult{Kind: "receipt", Verified: true, Answer: a}, err
}

// submission checks the receipt of a submission, and the answer to it, at q.now.
func submission(q js.Value) (any, error) {
	in := ledger.Question{Papers: bytesOf(q.Get("papers")), Promises: list(q.Get("promises")), Authority: textOf(q.Get("authority")), Reference: textOf(q.Get("reference")), Now: uint64(q.Get("now").Float())}
	if d := q.Get("document"); d.Truthy() {
		in.Document = ledger.DocumentHash(bytesOf(d))
	}
	st, err := ledger.NewSite(files(q.Get("fetch"))).Stand(in)
	return checking.SubmissionResult{Kind: "submission", Verified: true, Standing: st}, err
}

// promise checks promises against the published directory at q.now, in seconds.
func promise(q js.Value) (any, error) {
	kept, err := ledger.NewSite(files(q.Get("fetch"))).Keep(bytesOf(q.Get("promises")), uint64(q.Get("now").Float()))
	return checking.PromiseResult{Kind: "promise", Verified: true, Promises: kept}, err
}

// files fetches through a function of the script: it returns a promise of a
// Uint8Array, or of null if there is no such file.
func files(fetch js.Value) ledger.Fetch {
	return func(path string) ([]byte, error) {
		v, err := wait(fetch.Invoke(path))
		if err != nil {
			return nil, &ledger.Unread{Path: path, Err: err}
		}
		if !v.Truthy() {
			return nil, fs.ErrNotExist
		}
		return bytesOf(v), nil
	}
}

// wait blocks until a promise is settled; other goroutines go on.
func wait(p js.Value) (v js.Value, err error) {
	done := make(chan struct{})
	good := js.FuncOf(func(_ js.Value, args []js.Value) any {
		v = args[0]
		close(done)
		return nil
	})
	bad := js.FuncOf(func(_ js.Value, args []js.Value) any {
		err = errors.New(args[0].Call("toString").String())
		close(done)
		return nil
	})
	defer good.Release()
	defer bad.Release()
	p.Call("then", good, bad)
	<-done
	return v, err
}

func bytesOf(v js.Value) []byte {
	if !v.Truthy() {
		return nil
	}
	b := make([]byte, v.Get("length").Int())
	js.CopyBytesToGo(b, v)
	return b
}

func list(v js.Value) (all [][]byte) {
	for i := range length(v) {
		all = append(all, bytesOf(v.Index(i)))
	}
	return all
}

func textOf(v js.Value) string {
	if !v.Truthy() {
		return ""
	}
	return v.String()
}

func length(v js.Value) int {
	if !v.Truthy() {
		return 0
	}
	return v.Length()
}
