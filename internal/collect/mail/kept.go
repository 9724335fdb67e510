package mail

import (
	"io"
	"sync"
)

// kept are the directories of the Maildir whose messages were opened last,
// until its visit ends.
type kept struct {
	sync.Mutex
	key  string
	open *box // nil: nothing
}

// with calls f with the directories of a container.
func (k *kept) with(key string, open func() (*box, error), f func(*box) (io.ReadCloser, error)) (io.ReadCloser, error) {
	k.Lock()
	defer k.Unlock()
	if k.open == nil || k.key != key {
		k.drop()
		opened, err := open()
		if err != nil {
			return nil, err
		}
		k.key, k.open = key, opened
	}
	return f(k.open)
}

// close lets them go.
func (k *kept) close() {
	k.Lock()
	defer k.Unlock()
	k.drop()
}

func (k *kept) drop() {
	if k.open != nil {
		k.open.Close()
	}
	k.open = nil
}
