package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/vitrine-project/vitrine"
)

// skew is how far ahead of the store's clock an event may be dated.
const skew = time.Minute

// row is one event as it is stored.
type row struct {
	n          int64 // 1, 2, … over the whole store
	demand     vitrine.ID
	seq        int64 // 1, 2, … of the demand
	subject    []byte
	body       []byte // JSON
	prev, hash []byte
}

const columns = "n, demand, seq, subject, body, prev, hash"

func scan(from interface{ Scan(...any) error }) (r row, err error) {
	err = from.Scan(&r.n, &r.demand, &r.seq, &r.subject, &r.body, &r.prev, &r.hash)
	return r, err
}

// sum is the hash that the row must have. It is SHA-256 over, in this order:
//
//	17 bytes  "vitrine/event/v1" and a zero byte
//	32 bytes  hash of the event before it in the store; zeros before the first
//	          then four parts, each after its length as 4 bytes, big-endian:
//	n         the event's number in the store, 8 bytes, big-endian
//	demand    the demand's id, 16 bytes of text
//	seq       the event's number in the demand, 8 bytes, big-endian
//	body      the event, as the JSON that encoding/json writes of vitrine.Event
//
// The head of the store is the hash of its last event. A row's subject is not
// hashed: it follows from the body.
func (r row) sum() vitrine.Digest {
	h := sha256.New()
	h.Write([]byte("vitrine/event/v1\x00"))
	h.Write(r.prev)
	for _, part := range [][]byte{binary.BigEndian.AppendUint64(nil, uint64(r.n)), []byte(r.demand), binary.BigEndian.AppendUint64(nil, uint64(r.seq)), r.body} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write(part)
	}
	return vitrine.Digest(h.Sum(nil))
}

// event returns what the row says, if it is what was once appended.
func (r row) event() (vitrine.Event, error) {
	sum := r.sum()
	if len(r.prev) != len(sum) || !bytes.Equal(r.hash, sum[:]) {
		return vitrine.Event{}, r.changed("its hash is another one")
	}
	e, err := parseEvent(r.body)
	if err != nil {
		return e, r.changed(err.Error())
	}
	if int64(e.Seq) != r.seq {
		return e, r.changed("it stands in another's place")
	}
	if !bytes.Equal(r.subject, subjectOf(e)) {
		return e, r.changed("its subject is another one")
	}
	return e, nil
}

func (r row) changed(how string) error {
	return vitrine.Refusef(vitrine.Unverified, "event %d, number %d of demand %s, is not as it was written (%s): change nothing, and restore the store from a backup", r.n, r.seq, r.demand, how)
}

// parseEvent reads what formatEvent wrote, and nothing else.
func parseEvent(body []byte) (vitrine.Event, error) {
	var e vitrine.Event
	if err := json.Unmarshal(body, &e); err != nil {
		return e, fmt.Errorf("parse event: %w", err)
	}
	again, err := formatEvent(e)
	if err != nil {
		return e, err
	}
	if !bytes.Equal(again, body) {
		return e, fmt.Errorf("parse event: its bytes are not the ones that an event is written with")
	}
	return e, nil
}

func formatEvent(e vitrine.Event) ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("format event: %w", err)
	}
	return b, nil
}

// subjectOf is by what a demand that comes again is found; nil for all events
// but Received.
func subjectOf(e vitrine.Event) []byte {
	if e.Stage != vitrine.Received || e.Submission == nil {
		return nil
	}
	s := e.Submission.Subject()
	return s[:]
}

// Events returns all that happened to a demand, in order.
func (tx *Tx) Events(id vitrine.ID) ([]vitrine.Event, error) {
	rows, err := tx.sql.QueryContext(tx.ctx, `select `+columns+` from vitrine_event where demand = $1 order by seq`, string(id))
	if err != nil {
		return nil, explain("read events", tx.db.Dir, err)
	}
	defer rows.Close()
	var events []vitrine.Event
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, explain("read events", tx.db.Dir, err)
		}
		e, err := r.event()
		if err != nil {
			return nil, err
		}
		if e.Seq != len(events)+1 {
			return nil, r.changed("the one before it is missing")
		}
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return nil, explain("read events", tx.db.Dir, err)
	}
	return events, nil
}

// Demand returns the demand as it stands: New if nothing happened to it yet.
func (tx *Tx) Demand(id vitrine.ID) (vitrine.Demand, error) {
	events, err := tx.Events(id)
	if err != nil {
		return vitrine.Demand{}, err
	}
	d, err := vitrine.Fold(id, events)
	if err != nil {
		return d, vitrine.Refusef(vitrine.Unverified, "the events of demand %s contradict each other (%v): change nothing, and restore the store from a backup", id, err)
	}
	return d, nil
}

// Append adds an event to the demand's, if it can follow.
func (tx *Tx) Append(id vitrine.ID, e vitrine.Event) error {
	if err := tx.mustWrite("append event"); err != nil {
		return err
	}
	if now := tx.db.Now(); e.At.After(now.Add(skew)) {
		return fmt.Errorf("append event: it is dated %s, and now it is %s", e.At, now)
	}
	dem, err := tx.Demand(id)
	if err != nil {
		return err
	}
	body, err := formatEvent(e)
	if err != nil {
		return err
	}
	// What is checked is what will be read, not what was handed over.
	if e, err = parseEvent(body); err != nil {
		return err
	}
	if _, err := dem.Apply(e); err != nil {
		return fmt.Errorf("append event to demand %s: %w", id, err)
	}
	if err := tx.chain(row{demand: id, seq: int64(e.Seq), subject: subjectOf(e), body: body}); err != nil {
		return explain("append event", tx.db.Dir, err)
	}
	return nil
}

// chain stores r as the new head.
func (tx *Tx) chain(r row) error {
	if err := tx.sql.QueryRowContext(tx.ctx, `select n, hash from vitrine_head`).Scan(&r.n, &r.prev); err != nil {
		return err
	}
	r.n++
	sum := r.sum()
	r.hash = sum[:]
	if _, err := tx.sql.ExecContext(tx.ctx, `insert into vitrine_event (`+columns+`) values ($1, $2, $3, $4, $5, $6, $7)`,
		r.n, string(r.demand), r.seq, r.subject, r.body, r.prev, r.hash); err != nil {
		return err
	}
	_, err := tx.sql.ExecContext(tx.ctx, `update vitrine_head set n = $1, hash = $2`, r.n, r.hash)
	return err
}

// BySubject lists the demands whose submission has the subject, oldest first.
func (tx *Tx) BySubject(subject vitrine.Digest) ([]vitrine.ID, error) {
	return tx.ids(`select demand from vitrine_event where subject = $1 and seq = 1 order by n`, subject[:])
}

// Demands lists all demands, oldest first.
func (tx *Tx) Demands() ([]vitrine.ID, error) {
	return tx.ids(`select demand from vitrine_event where seq = 1 order by n`)
}

func (tx *Tx) ids(query string, args ...any) ([]vitrine.ID, error) {
	rows, err := tx.sql.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return nil, explain("list demands", tx.db.Dir, err)
	}
	defer rows.Close()
	var ids []vitrine.ID
	for rows.Next() {
		var id vitrine.ID
		if err := rows.Scan(&id); err != nil {
			return nil, explain("list demands", tx.db.Dir, err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, explain("list demands", tx.db.Dir, err)
	}
	return ids, nil
}
