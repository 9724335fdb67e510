package report

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

var update = flag.Bool("update-wasm", false, "build wasm/verify.wasm.br anew")

// madeBy is the file that says with which Go the verifier was built, and what
// came out.
const madeBy = "wasm/verify.txt"

// lean are packages that are compiled without inlining: they take no time, and
// much room.
var lean = []string{"fmt", "encoding/json", "reflect", "time"}

// build is the one way to make the verifier.
func build(t *testing.T) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "verify.wasm")
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", out}
	for _, p := range lean {
		args = append(args, "-gcflags="+p+"=-l")
	}
	cmd := exec.Command("go", append(args, "github.com/vitrine-project/vitrine/cmd/vitrine-verify")...)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=", "GOWASM=", "GOEXPERIMENT=", "GOTOOLCHAIN=local")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build verifier: %v\n%s", err, b)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVerifierIsBuiltFromHere builds the verifier and compares it with the one
// that is embedded. It needs the Go that built that, and runs where
// VITRINE_REQUIRE names wasm, since every change of package ledger makes it
// fail: go test ./internal/report -run Verifier -update-wasm mends it.
func TestVerifierIsBuiltFromHere(t *testing.T) {
	said, err := os.ReadFile(madeBy)
	if err != nil && !*update {
		t.Fatal(err)
	}
	version, _, _ := strings.Cut(string(said), " ")
	switch {
	case *update:
		b := build(t)
		sum := sha256.Sum256(b)
		if err := os.WriteFile("wasm/verify.wasm.br", pack(t, b), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(madeBy, []byte(runtime.Version()+" "+hex.EncodeToString(sum[:])+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		script, err := loader()
		if err == nil {
			err = os.WriteFile("static/wasm_exec.js", script, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	case !mustBuild():
		t.Skip("skipped: needs VITRINE_REQUIRE=wasm, and " + version)
	case version != runtime.Version():
		t.Skipf("skipped: needs %s, with which the verifier was built; this is %s", version, runtime.Version())
	case !bytes.Equal(build(t), unpack(t, verifier)):
		t.Error("the embedded verifier is not the one that is built from here: go test ./internal/report -run Verifier -update-wasm")
	}
}

// loader is the script that comes with Go.
func loader() ([]byte, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
}

func pack(t *testing.T, b []byte) []byte {
	var out bytes.Buffer
	w := brotli.NewWriterOptions(&out, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: 24})
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func unpack(t *testing.T, b []byte) []byte {
	plain, err := io.ReadAll(brotli.NewReader(bytes.NewReader(b)))
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// TestVerifier looks at what a site gets: a whole program that is small enough,
// the loader of the Go that it was built with, and its licence's notice.
func TestVerifier(t *testing.T) {
	if len(verifier) > 1_000_000 {
		t.Errorf("the verifier has %d bytes, more than a megabyte", len(verifier))
	}
	wasm := unpack(t, verifier)
	said, err := os.ReadFile(madeBy)
	if err != nil {
		t.Fatal(err)
	}
	version, sum, _ := strings.Cut(strings.TrimSpace(string(said)), " ")
	if got := sha256.Sum256(wasm); hex.EncodeToString(got[:]) != sum || !bytes.HasPrefix(wasm, []byte("\x00asm")) || !bytes.Contains(wasm, []byte(version)) {
		t.Errorf("the verifier is not the one of %s", madeBy)
	}
	files := map[string][]byte{}
	if err := checker(files); err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(files["verify.bin"]))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(r); err != nil || !bytes.Equal(plain, wasm) || r.Name != "" || !r.ModTime.IsZero() {
		t.Errorf("verify.bin holds something else: %v", err)
	}
	script, err := staticFiles.ReadFile("static/wasm_exec.js")
	if err != nil || !bytes.Contains(script, []byte("BSD-style")) {
		t.Errorf("the loader's notice is missing: %v", err)
	}
	if theirs, err := loader(); err == nil && version == runtime.Version() && !bytes.Equal(script, theirs) {
		t.Errorf("the loader is not that of %s", version)
	}
	t.Logf("%d bytes, %d gzip, %d brotli", len(wasm), len(files["verify.bin"]), len(verifier))
}

// TestVerifierVectors gives published directories, good ones and attacked ones,
// to the verifier as a browser runs it: one in thirty, or all where
// VITRINE_REQUIRE names wasm.
func TestVerifierVectors(t *testing.T) {
	node := need.Tool(t, "node")
	every := "30"
	if mustBuild() {
		every = "1"
	}
	wasm := filepath.Join(t.TempDir(), "verify.wasm")
	if err := os.WriteFile(wasm, unpack(t, verifier), 0o600); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("static/wasm_exec.js")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(node, "testdata/vectors.mjs", wasm, script, "../../spec/vectors/report", every).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// mustBuild reports whether VITRINE_REQUIRE names wasm.
func mustBuild() bool { return required("wasm") }

// required reports whether VITRINE_REQUIRE names something.
func required(name string) bool {
	list := strings.Split(os.Getenv("VITRINE_REQUIRE"), ",")
	return slices.Contains(list, name) || slices.Contains(list, "all")
}

// TestSentences wants every sentence of verify.js in every language.
func TestSentences(t *testing.T) {
	b, err := staticFiles.ReadFile("static/verify.js")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string][]string{}
	code := ""
	for line := range strings.Lines(string(b)) {
		if m := regexp.MustCompile(`^  (\w\w): \{\n$`).FindStringSubmatch(line); m != nil {
			code = m[1]
		}
		if m := regexp.MustCompile(`^    (\w+):`).FindStringSubmatch(line); m != nil && code != "" {
			keys[code] = append(keys[code], m[1])
		}
		if line == "};\n" {
			break
		}
	}
	for _, l := range languages {
		if len(keys[l.code]) < 30 || !slices.Equal(keys[l.code], keys[languages[0].code]) {
			t.Errorf("%s has the sentences %q, %s has %q", l.code, keys[l.code], languages[0].code, keys[languages[0].code])
		}
	}
	for _, m := range regexp.MustCompile(`say\.(\w+)`).FindAllStringSubmatch(string(b), -1) {
		if !slices.Contains(keys["en"], m[1]) {
			t.Errorf("there is no sentence %s", m[1])
		}
	}
}
