package spqr

import (
	"crypto/sha256"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

type transcript struct {
	AuthKey  hexData `json:"auth_key"`
	InitialA hexData `json:"initial_state_A"`
	Events   []struct {
		Ev    string  `json:"ev"`
		N     int     `json:"n"`
		By    string  `json:"by"`
		Msg   hexData `json:"msg"`
		Key   hexData `json:"key"`
		State string  `json:"state"`
		Epoch uint64  `json:"epoch"`
		Hash  hexData `json:"state_sha256"`
		Error string  `json:"error"`
		Rand  struct {
			DK hexData `json:"dk"`
			M  hexData `json:"m"`
		} `json:"rand"`
	} `json:"events"`
	Snapshots map[string]struct {
		By    string  `json:"by"`
		State hexData `json:"pq_state"`
	} `json:"snapshots"`
	Final map[string]hexData `json:"final_state"`
}

// TestTranscript replays sessions of two official clients: every message, key and stored state has
// to come out as theirs.
func TestTranscript(t *testing.T) {
	for _, name := range []string{"spqr-transcript-pingpong.json", "spqr-transcript-lossy.json"} {
		t.Run(name, func(t *testing.T) {
			var tr transcript
			load(t, name, &tr)
			visited := replayAll(t, &tr)
			require.GreaterOrEqual(t, len(visited), 10)
		})
	}
}

func replayAll(t *testing.T, tr *transcript) map[Phase]bool {
	authKey := [32]byte(tr.AuthKey)
	states := map[string][]byte{"A": Init(A2B, &authKey, false), "B": Init(B2A, &authKey, false)}
	if tr.InitialA != nil {
		require.Equal(t, []byte(tr.InitialA), states["A"])
	}
	require.Len(t, states["A"], 118)

	wire, keys := map[int][]byte{}, map[int][32]byte{}
	visited := map[Phase]bool{}
	for i, e := range tr.Events {
		var next, msg []byte
		var key [32]byte
		var ok bool
		var err error
		state, check := guarded(t, states[e.By])
		if e.Ev == "send" {
			var r sampler = replay{e.Rand.DK, e.Rand.M}
			if e.Rand.DK == nil && e.Rand.M == nil {
				r = none{t}
			}
			next, msg, key, ok, err = send(r, state)
			require.NoError(t, err, "event %d", i)
			require.Equal(t, []byte(e.Msg), msg, "event %d", i)
			wire[e.N] = msg
		} else {
			next, key, ok, err = Recv(state, wire[e.N])
			if e.Error != "" { // the Double Ratchet's, which had the counter already
				require.ErrorContains(t, err, "key already requested")
				continue
			}
			require.NoError(t, err, "event %d", i)
		}
		check()
		require.True(t, ok)
		if e.Ev == "send" {
			keys[e.N] = key
		}
		require.Equal(t, keys[e.N], key, "event %d", i)
		if e.Key != nil {
			require.Equal(t, []byte(e.Key), key[:], "event %d", i)
		}
		if snap, ok := tr.Snapshots[strconv.Itoa(i)]; ok {
			require.Equal(t, e.By, snap.By)
			require.Equal(t, []byte(snap.State), next, "event %d", i)
		}
		hash := sha256.Sum256(next)
		require.Equal(t, []byte(e.Hash), hash[:], "event %d (%s by %s in %s)", i, e.Ev, e.By, e.State)
		states[e.By] = next

		info, err := Inspect(next)
		require.NoError(t, err)
		require.Equal(t, e.State, info.Phase.String())
		require.Equal(t, e.Epoch, info.Epoch)
		visited[info.Phase] = true
	}
	for by, final := range tr.Final {
		require.Equal(t, []byte(final), states[by])
	}
	return visited
}

// TestRecords parses official states of all eleven phases and writes them again, then asks each to
// send, and to go on with its pieces parsed and written.
func TestRecords(t *testing.T) {
	var records struct {
		Records map[string]struct {
			By    string  `json:"by"`
			Epoch uint64  `json:"braid_epoch"`
			State hexData `json:"pq_state"`
		} `json:"records"`
	}
	load(t, "spqr-session-records.json", &records)
	require.Len(t, records.Records, 11)
	for name, r := range records.Records {
		t.Run(name, func(t *testing.T) {
			var s state
			require.NoError(t, s.parse(r.State))
			require.Equal(t, []byte(r.State), s.marshal(), "untouched")

			row := phases[s.braid.phase]
			if row.encodes.size != 0 {
				require.NoError(t, s.braid.enc.parse(row.encodes.size))
			}
			if row.decodes.size != 0 {
				dec, err := s.braid.dec.parse(row.decodes.size)
				require.NoError(t, err)
				s.braid.dec.pack(&dec)
			}
			size := s.size()
			require.Equal(t, []byte(r.State), s.marshal(), "encoder and decoder parsed")
			require.GreaterOrEqual(t, size, len(r.State), "a second allocation")
			require.LessOrEqual(t, size, len(r.State)+400, "a waste")

			info, err := Inspect(r.State)
			require.NoError(t, err)
			require.Equal(t, name, info.Phase.String())
			require.Equal(t, r.Epoch, info.Epoch)
			require.Equal(t, r.By == "B", info.Direction == B2A)
			require.Equal(t, row.decodes.size/32, info.ChunksNeeded)

			next, _, _, ok, err := Send(nil, r.State)
			require.NoError(t, err)
			require.True(t, ok)
			_, err = Inspect(next)
			require.NoError(t, err)
		})
	}
}

// TestSignalLayer finds the ratchet's message in whole SignalMessages, and writes it as it was.
func TestSignalLayer(t *testing.T) {
	var layer struct {
		Messages []struct {
			Whole hexData `json:"signal_message"`
			PQ    hexData `json:"pq_message"`
		} `json:"messages"`
	}
	load(t, "spqr-signal-layer.json", &layer)
	require.Len(t, layer.Messages, 48)
	for _, v := range layer.Messages {
		require.Contains(t, string(v.Whole), string(v.PQ))
		var m message
		version, rest, err := m.preamble(v.PQ)
		require.NoError(t, err)
		require.EqualValues(t, version1, version)
		require.NoError(t, m.payload(rest))
		require.Equal(t, []byte(v.PQ), m.append(nil))
	}
}
