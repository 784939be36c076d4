package custodian

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func shipped(t *testing.T, name string) *Report {
	b, err := os.ReadFile("../examples/scenarios/" + name + ".json")
	require.NoError(t, err)
	sc, err := ParseScenario(b)
	require.NoError(t, err)
	r, err := Evaluate(context.Background(), sc, nil)
	require.NoError(t, err)
	return r
}

func TestTimeline(t *testing.T) {
	x := shipped(t, "handover").Timeline()
	require.Len(t, x.Moments, 11)
	require.Len(t, x.Spans, 1)
	require.Equal(t, 4, x.Spans[0].Since)
	require.Equal(t, 8, x.Spans[0].Until)
	require.True(t, x.Spans[0].Revoked)
	var kinds []string
	for _, m := range x.Marks {
		switch {
		case m.Step.Grant != nil:
			kinds = append(kinds, "grant")
			require.Equal(t, 4, m.Before)
		case m.Step.Revoke != "":
			kinds = append(kinds, "revoke")
			require.Equal(t, 8, m.Before)
		case m.Step.Rotate != "":
			kinds = append(kinds, "rotate")
			require.Equal(t, 8, m.Before)
		}
	}
	require.Equal(t, []string{"grant", "revoke", "rotate"}, kinds)
	for i, m := range x.Moments {
		require.Equal(t, i+1, m.Taken, "handed over at once")
		require.True(t, m.Turn, "ping-pong: each message has a ratchet key of its own")
		require.Equal(t, 1+i/8, m.Session)
		require.True(t, m.PQ)
		require.EqualValues(t, 1, m.Epoch)
		require.LessOrEqual(t, m.Have, m.Need)
	}
	require.Equal(t, "hdr", x.Moments[0].Object)
	require.Equal(t, 3, x.Moments[0].Need)
	require.Equal(t, 1, x.Moments[0].Have)

	late := shipped(t, "nameless").Timeline()
	require.Equal(t, []int{1, 2, 6, 6, 5, 6}, []int{
		late.Moments[0].Taken, late.Moments[1].Taken, late.Moments[2].Taken, late.Moments[3].Taken, late.Moments[4].Taken, late.Moments[5].Taken,
	})
	require.False(t, late.Moments[1].Turn)
	require.Nil(t, new(Report).Timeline())
}

// TestBothLanguages: whatever a report says, it says in French too.
func TestBothLanguages(t *testing.T) {
	for _, name := range []string{"handover", "hosted", "quota", "revoke", "archive", "nameless", "one-way", "self"} {
		r := shipped(t, name)
		for i := range r.Verdicts {
			require.NotEqual(t, r.Verdicts[i].Title().EN, r.Verdicts[i].Title().FR, r.Verdicts[i].ID())
		}
		for _, e := range r.Evidence {
			require.NotEqual(t, e.Text().EN, e.Text().FR, e.Claim)
		}
	}
}

// TestDerivation: each witness of something read or accepted has a derivation whose premises come
// before what follows from them, and whose leaves say where they came from. Envelopes that were
// seen need none.
func TestDerivation(t *testing.T) {
	require.Nil(t, new(Report).Derivation("w-0001"))
	for _, name := range []string{"handover", "hosted", "quota", "revoke", "archive", "nameless", "one-way", "self"} {
		r := shipped(t, name)
		require.Nil(t, r.Derivation("no such evidence"))
		for _, e := range r.Evidence {
			d := r.Derivation(e.ID)
			require.Equal(t, e.Kind == "witness" && !strings.Contains(e.Claim, "envelopes"), d != nil, e.ID)
			if d == nil {
				continue
			}
			require.Contains(t, e.Claim, d.Principal)
			require.NotEqual(t, e.Text().EN, e.Text().FR)
			known := make(map[string]int)
			for _, s := range d.Steps {
				for _, p := range s.From {
					at, ok := known[p]
					require.True(t, ok, "%s: %s before its premise %s", e.ID, s.Atom, p)
					require.LessOrEqual(t, at, s.At)
				}
				known[s.Atom] = s.At
				if s.Rule != "" {
					require.Empty(t, s.Source)
					continue
				}
				require.Contains(t, []string{"grant", "message", "directory", "own", "quantum"}, s.Source)
				require.Equal(t, s.Source == "grant", s.Grant != "")
			}
		}
	}
}
