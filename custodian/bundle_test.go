package custodian

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian/check"
	"signet.example/signet/custodian/parcel"
)

func bundleOf(t *testing.T, sc *Scenario, profile Profile) []byte {
	t.Helper()
	_, b, err := EvaluateBundle(context.Background(), sc, nil, profile)
	require.NoError(t, err)
	return b
}

// TestGoodBundles: bundles of random scenarios and of the examples verify, in both profiles
// (B15.12).
func TestGoodBundles(t *testing.T) {
	var list []*Scenario
	for n := range uint64(25) {
		list = append(list, randomScenario(n), randomScenario(oldScenarios+n))
	}
	files, err := filepath.Glob("../examples/scenarios/*.json")
	require.NoError(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		list = append(list, parse(t, b))
	}
	readings, forgeries, edges := 0, 0, 0
	for n, sc := range list {
		for _, profile := range []Profile{Publishable, Lab} {
			out, err := check.Verify(bundleOf(t, sc, profile))
			require.NoError(t, err, "scenario %d, %s", n, profile)
			require.Equal(t, string(profile), out.Profile)
			readings, forgeries, edges = readings+out.Readings, forgeries+out.Forgeries, edges+out.Edges
		}
	}
	t.Logf("%d readings, %d forgeries, %d edges", readings, forgeries, edges)
	require.Greater(t, readings, 200)
	require.Greater(t, forgeries, 200)
	require.Greater(t, edges, 500)
}

// TestPublishable: of what was handed over, no value is in a publishable bundle; nor is the seed,
// or a text.
func TestPublishable(t *testing.T) {
	sc := twoPrincipals(7)
	sc.Script[0].Send.Text = "a text that nobody else should see"
	published := bundleOf(t, sc, Publishable)
	require.NotContains(t, string(published), sc.Script[0].Send.Text)
	values := 0
	for name, b := range filesOf(t, bundleOf(t, sc, Lab)) {
		if !strings.HasPrefix(name, "parcels/") {
			continue
		}
		p, err := parcel.Parse(b)
		require.NoError(t, err)
		for _, e := range p.Entries() {
			values++
			require.False(t, bytes.Contains(published, e.Value))
			require.False(t, bytes.Contains(published, []byte(hex.EncodeToString(e.Value))))
		}
	}
	require.Greater(t, values, 5)
	require.NotContains(t, filesOf(t, published), "scenario.json")
}
