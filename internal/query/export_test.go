package query

import "time"

// Hush sets how long the database may say nothing.
func (d *DB) Hush(silence time.Duration) { d.silence = silence }
