package production

import (
	"crypto/sha256"
	"hash"
	"io"

	"github.com/vitrine-project/vitrine"
)

// items reads the manifest, items.jsonl and the payload side by side.
func (v *verification) items() error {
	manifest, err := v.open(nameManifest)
	if err != nil {
		return err
	}
	defer manifest.Close()
	list, err := v.open(nameItems)
	if err != nil {
		return err
	}
	defer list.Close()
	replaced := int64(0)
	lists := [2]rowHash{newRowHash(writeCSV), newRowHash(func(w io.Writer, row []string) error {
		n, err := writeDAT(w, row)
		replaced += n
		return err
	})}
	io.WriteString(lists[1].h, datBOM)
	for _, l := range lists {
		if err := l.add(header()); err != nil {
			return err
		}
	}
	var root tree
	var in, last, size int64
	entries, described := newLines(manifest), newLines(list)
	for range v.record.Items {
		line, err := entries.next()
		if err != nil {
			return inList(nameManifest, err)
		}
		root.add(line)
		it, err := described.item()
		if err != nil {
			return inList(nameItems, err)
		}
		if it.Number <= last || string(line) != it.SHA256.Hex()+"  "+it.Path() {
			return unverified("%s and %s do not agree on item %d", nameManifest, nameItems, it.Number)
		}
		if err := v.item(it); err != nil {
			return err
		}
		for _, l := range lists {
			if err := l.add(row(it)); err != nil {
				return err
			}
		}
		if last, size = it.Number, size+it.Size; it.Decision == In {
			in++
		}
	}
	if _, err := entries.next(); err != io.EOF {
		return unverified("%s lists more items than the record", nameManifest)
	}
	if _, err := described.next(); err != io.EOF {
		return unverified("%s lists more items than the record", nameItems)
	}
	if replaced != v.record.Replaced {
		return unverified("%s has %d characters replaced, the record says %d", nameDAT, replaced, v.record.Replaced)
	}
	return v.totals(root.root(), in, size, lists)
}

// totals compares what was added up with the record.
func (v *verification) totals(root vitrine.Digest, in, size int64, lists [2]rowHash) error {
	switch r := v.record; {
	case root != r.Root:
		return unverified("the root over %s is not the signed one", nameManifest)
	case size != r.Bytes:
		return unverified("the items have %d bytes, the record says %d", size, r.Bytes)
	case r.Volume == 1 && in != r.Collection.In, r.Volume > 1 && in != 0:
		return unverified("volume %d holds %d items in scope, %d were collected", r.Volume, in, r.Collection.In)
	case lists[0].digest() != r.Tags[nameCSV]:
		return unverified("%s does not say what %s says", nameCSV, nameItems)
	case lists[1].digest() != r.Tags[nameDAT]:
		return unverified("%s does not say what %s says", nameDAT, nameItems)
	}
	return nil
}

// rowHash is the digest of a list as it must be.
type rowHash struct {
	h     hash.Hash
	write func(io.Writer, []string) error
}

func newRowHash(write func(io.Writer, []string) error) rowHash {
	return rowHash{sha256.New(), write}
}

func (r rowHash) add(row []string) error { return r.write(r.h, row) }

func (r rowHash) digest() vitrine.Digest { return vitrine.Digest(r.h.Sum(nil)) }

// item checks one item's bytes, and that somebody let it be produced.
func (v *verification) item(it Item) error {
	got, n, err := v.digest(it.Path())
	if err != nil {
		return err
	}
	if got != it.SHA256 || n != it.Size {
		return unverified("%s was changed (%d bytes, digest %s)", it.Path(), n, got.Hex())
	}
	switch it.Decision {
	case In:
	case Undeterminable:
		if v.trust.Ruling != nil && v.ruled[it.Number] != it.SHA256 {
			return unverified("%s was undeterminable and no signed ruling produces it", it.Path())
		}
	default:
		return unverified("%s has the decision %q, which no produced item has", it.Path(), it.Decision)
	}
	if v.done += n; v.progress != nil {
		v.progress(v.done, v.record.Bytes)
	}
	return nil
}
