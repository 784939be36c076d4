package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Pgx returns the transaction as pgx's, for the caller's own rows in the same commit. Writes made
// through t may not be visible to it. Commit does nothing but fail, Rollback makes Update fail:
// both are Update's. The caller leaves tables named signet_… alone.
func (t *Tx) Pgx() pgx.Tx {
	if t.given == nil {
		t.given = &callersTx{t.pgx, t}
		if t.ended {
			t.given.Tx = closedTx()
		}
	}
	t.dirty = true
	return t.given
}

// A callersTx is the transaction in the caller's hands.
type callersTx struct {
	pgx.Tx
	t *Tx
}

func (c *callersTx) Commit(context.Context) error { return errNotYours }

func (c *callersTx) Rollback(context.Context) error {
	if c.t.err == nil {
		c.t.err = errAborted
	}
	return nil
}

// closedTx returns a transaction that has ended.
func closedTx() pgx.Tx {
	b := new(pgx.Batch)
	b.BeginTx(pgx.TxOptions{})
	return pgx.FailedBatchResults(b, pgx.ErrTxClosed).Tx()
}
