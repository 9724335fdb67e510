package store

import (
	"github.com/vitrine-project/vitrine"
)

// Piece is a finished piece of a collection that is not finished: a blob of the
// holds. The row says where it lies and proves nothing; the blob is signed.
type Piece struct {
	Mandate vitrine.Digest
	Digest  vitrine.Digest
}

// Pieces returns the finished pieces of every collection that is not finished,
// in order.
func (tx *Tx) Pieces() (map[vitrine.ID][]Piece, error) {
	rows, err := tx.sql.QueryContext(tx.ctx, `select demand, mandate, digest from vitrine_piece order by demand, number`)
	if err != nil {
		return nil, explain("read pieces", tx.db.Dir, err)
	}
	defer rows.Close()
	pieces := map[vitrine.ID][]Piece{}
	for rows.Next() {
		var demand, mandate, digest string
		if err := rows.Scan(&demand, &mandate, &digest); err != nil {
			return nil, explain("read pieces", tx.db.Dir, err)
		}
		var p Piece
		if p.Mandate, err = vitrine.ParseDigest(mandate); err == nil {
			p.Digest, err = vitrine.ParseDigest(digest)
		}
		if err != nil {
			return nil, explain("read pieces", tx.db.Dir, err)
		}
		pieces[vitrine.ID(demand)] = append(pieces[vitrine.ID(demand)], p)
	}
	return pieces, explain("read pieces", tx.db.Dir, rows.Err())
}

// AddPiece remembers one more piece.
func (tx *Tx) AddPiece(id vitrine.ID, p Piece) error {
	if err := tx.mustWrite("keep piece"); err != nil {
		return err
	}
	_, err := tx.sql.ExecContext(tx.ctx, `insert into vitrine_piece (demand, number, mandate, digest)
		select $1, coalesce(max(number), 0) + 1, $2, $3 from vitrine_piece where demand = $1`, string(id), p.Mandate.String(), p.Digest.String())
	return explain("keep piece", tx.db.Dir, err)
}

// DropPieces forgets all pieces of a demand.
func (tx *Tx) DropPieces(id vitrine.ID) error {
	if err := tx.mustWrite("forget pieces"); err != nil {
		return err
	}
	_, err := tx.sql.ExecContext(tx.ctx, `delete from vitrine_piece where demand = $1`, string(id))
	return explain("forget pieces", tx.db.Dir, err)
}
