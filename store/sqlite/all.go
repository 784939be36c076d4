package sqlite

import (
	"context"

	"signet.example/signet"
	"signet.example/signet/session"
)

// UpdateAll is Update for many peers at once, as session.ManyStore says. A transaction of SQLite
// excludes all others, so it is an Update.
func (s *Store) UpdateAll(ctx context.Context, _ []signet.Address, f func(tx session.Tx) error) error {
	return s.Update(ctx, signet.Address{}, f)
}
