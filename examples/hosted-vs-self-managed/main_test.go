package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/custodian"
)

// play holds the conversation under a mode and returns its report.
func play(t *testing.T, mode string, protocol int) *custodian.Report {
	r, err := hold(context.Background(), protocol, grants[mode])
	require.NoError(t, err)
	require.Len(t, r.Messages, 20)
	require.False(t, r.Messages[12].Delivered, "message 12 is lost")
	return r
}

// count returns how many messages the provider reads and could have forged.
func count(r *custodian.Report) (reads, forges int) {
	for _, m := range r.Messages {
		if slices.Contains(m.ReadableBy, provider) {
			reads++
		}
		if slices.Contains(m.ForgeableBy, provider) {
			forges++
		}
	}
	return reads, forges
}

// What each delegation means, for both protocols.
func TestMeaning(t *testing.T) {
	for _, protocol := range []int{3, 4} {
		for _, c := range []struct {
			mode          string
			reads, forges int
			notice        string
			lost, depends []string
		}{
			{"self", 0, 0, "e2ee", nil, nil},
			{"hosted", 20, 20, "managed", []string{"G2", "G5", "G6", "G7", "G9", "G13"}, []string{"G16", "G17"}},
			{"archive", 20, 0, "managed", []string{"G2", "G5", "G13"}, nil},
		} {
			r := play(t, c.mode, protocol)
			reads, forges := count(r)
			require.Equal(t, c.reads, reads, "%s, protocol %d: reads", c.mode, protocol)
			require.Equal(t, c.forges, forges, "%s, protocol %d: forges", c.mode, protocol)
			require.Equal(t, c.notice, r.Notice.State, c.mode)
			for _, v := range r.Verdicts {
				want := custodian.Held
				if v.Principal() == provider && slices.Contains(c.lost, v.ID()) || v.Principal() == platform && v.ID() == "G13" {
					want = custodian.Lost
				}
				if v.Principal() == provider && slices.Contains(c.depends, v.ID()) {
					want = custodian.Conditional
				}
				require.Equal(t, want, v.Result(), "%s, protocol %d: %s for %s", c.mode, protocol, v.ID(), v.Principal())
				require.NotEmpty(t, v.Evidence())
			}
			for _, m := range r.Messages {
				require.NotContains(t, m.ReadableBy, platform, "the platform only carries")
			}
		}
	}
}

// A hand-over in mid-conversation opens what comes after it, and of what came before only what was
// still on its way.
func TestHandover(t *testing.T) {
	for _, protocol := range []int{3, 4} {
		r := play(t, "handover", protocol)
		require.Equal(t, custodian.Lost, r.Find("G2", provider).Result())
		require.Equal(t, custodian.Held, r.Find("G1", provider).Result())
		for _, m := range r.Messages {
			require.Equal(t, m.I >= 9, slices.Contains(m.ReadableBy, provider), "message %d", m.I)
		}
	}
}

func TestOutput(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "reports")
	var en, fr bytes.Buffer
	require.NoError(t, run(context.Background(), &en, "hosted", "en", 4, dir))
	require.NoError(t, run(context.Background(), &fr, "hosted", "fr", 4, ""))
	require.Regexp(t, `“All \d+ messages were end-to-end encrypted`, en.String())
	require.Contains(t, en.String(), "“Cloudstall could read ")
	require.Contains(t, en.String(), "Messages are end-to-end encrypted.")
	require.Contains(t, en.String(), "This chat is managed by Cloudstall")
	require.Contains(t, fr.String(), "Les messages sont chiffrés de bout en bout.")
	require.Contains(t, fr.String(), "Cette discussion est gérée par Cloudstall")
	for _, word := range []string{" the ", "messages can", "reads", "LOST", "held"} {
		require.NotContains(t, fr.String(), word)
	}
	for _, line := range strings.Split(en.String(), "\n") {
		require.LessOrEqual(t, len([]rune(line)), 120)
	}
	for _, name := range []string{"self-managed.json", "hosted.json"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		var v struct{ Format string }
		require.NoError(t, json.Unmarshal(b, &v))
		require.Equal(t, "custody-report-v1", v.Format)
	}
	require.Error(t, run(context.Background(), &en, "nothing", "en", 4, ""))
	require.Error(t, run(context.Background(), &en, "self", "xx", 4, ""))
}
