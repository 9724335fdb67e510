//go:build vectors

package production

// The module of the Wycheproof vectors holds data only; this keeps it in go.mod.
import _ "github.com/c2sp/wycheproof/tools/vectorlint"
