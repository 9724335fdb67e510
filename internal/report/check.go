package report

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
)

// The command vitrine-verify as WebAssembly. A test builds it anew and compares.
//
//go:embed wasm/verify.wasm.br
var verifier []byte

// checker adds the program with which pages check themselves. The scripts beside
// it are among the static files.
func checker(files map[string][]byte) error {
	b, err := packed()
	if err != nil {
		return fmt.Errorf("pack verifier: %w", err)
	}
	files["verify.bin"] = bytes.Clone(b)
	return nil
}

// packed is the verifier as every browser can unpack it by itself. It takes half
// a second. The name of its file does not say how it is packed, since a server
// that knows would have it unpacked on the way, and its digest would be another.
var packed = sync.OnceValues(func() ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression) // no name and no time
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, brotli.NewReader(bytes.NewReader(verifier))); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
})
