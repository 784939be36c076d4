package custodian

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
)

// fickle is a store that runs every transaction twice, as one with serialization failures may.
type fickle struct{ *memory.Store }

var errAgain = errors.New("again")

func (s fickle) Update(ctx context.Context, peer signet.Address, f func(session.Tx) error) error {
	err := s.Store.Update(ctx, peer, func(tx session.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return errAgain
	})
	if !errors.Is(err, errAgain) {
		return err
	}
	return s.Store.Update(ctx, peer, f)
}

// TestStore: both ends on stores of the caller's give the same readings, and the stores hold the
// rows.
func TestStore(t *testing.T) {
	sc := parse(t, read(t, "handover.json"))
	want := evaluate(t, sc)
	stores := make(map[string]*memory.Store)
	got, err := Evaluate(context.Background(), sc, &Options{Store: func(who string) (session.Store, error) {
		stores[who] = memory.New()
		return stores[who], nil
	}})
	require.NoError(t, err)
	require.Equal(t, jsonOf(t, want), jsonOf(t, got))
	require.Len(t, stores, 2)
	row := 0
	require.NoError(t, stores[Business].Update(context.Background(), signet.Address{Name: Customer, Device: 1}, func(tx session.Tx) error {
		b, err := tx.Session(signet.Address{Name: Customer, Device: 1})
		row = len(b)
		return err
	}))
	require.Greater(t, row, 100)

	fickleReport, err := Evaluate(context.Background(), sc, &Options{Store: func(string) (session.Store, error) { return fickle{memory.New()}, nil }})
	require.NoError(t, err)
	require.Equal(t, len(want.Verdicts), len(fickleReport.Verdicts))
	for i := range want.Verdicts {
		require.Equal(t, want.Verdicts[i].Result(), fickleReport.Verdicts[i].Result())
	}

	broken := errors.New("no disk")
	_, err = Evaluate(context.Background(), sc, &Options{Store: func(string) (session.Store, error) { return nil, broken }})
	require.ErrorIs(t, err, broken)
}
