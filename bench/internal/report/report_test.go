package report

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet.example/signet/bench/internal/measure"
)

func row(op, impl string, samples ...float64) measure.Row {
	return measure.Row{Op: op, Impl: impl, Nanos: measure.SpreadOf(samples), Allocs: 2, Bytes: 64.4, Iterations: 10}
}

// results has one of everything.
func results() []Result {
	remote := row("one-way-64", measure.Official, 3000)
	remote.Remote, remote.Allocs, remote.Bytes = true, 0, 0
	return []Result{
		{Op: "one-way-64", Rows: []measure.Row{
			row("one-way-64", measure.Signet, 150, 100, 200), row("one-way-64", measure.SignetState, 120),
			row("one-way-64", measure.Gomau, 300), remote, row("one-way-64", measure.Floor, 100),
		}},
		{Op: "seal-1", Rows: []measure.Row{
			row("seal-1", measure.Signet, 1.4e6),
			{Op: "seal-1", Impl: measure.Official, Skipped: "no Node"},
		}},
		{Op: "after-10", Grow: "messages", Rows: []measure.Row{row("after-10", measure.Signet, 2e9)}},
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, WriteTable(&b, results()))
	var lines [][]string
	for line := range strings.Lines(b.String()) {
		lines = append(lines, strings.Fields(line))
	}
	require.Equal(t, []string{"one-way-64", "signet", "150", "ns", "17", "%", "1.50", "0.50", "2", "64"}, lines[1])
	require.Equal(t, []string{"official-node", "3.00", "µs", "0", "%", "30.00", "10.00"}, lines[4], "allocations of another process are not 0")
	require.Equal(t, []string{"seal-1", "signet", "1.40", "ms", "0", "%", "2", "64"}, lines[6], "no ratio to what is not there")
	require.Equal(t, []string{"official-node", "—", "no", "Node"}, lines[7])
	require.Contains(t, lines[8], "2.00")
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, WriteJSON(&b, results()))
	require.JSONEq(t, `{"rows":[
		{"op":"one-way-64","impl":"signet","ns":150,"allocs":2,"bytes":64},
		{"op":"one-way-64","impl":"go.mau.fi","ns":300,"allocs":2,"bytes":64},
		{"op":"one-way-64","impl":"official-node","ns":3000,"allocs":0,"bytes":0},
		{"op":"one-way-64","impl":"floor","ns":100,"allocs":2,"bytes":64},
		{"op":"seal-1","impl":"signet","ns":1400000,"allocs":2,"bytes":64},
		{"op":"after-10","impl":"signet","ns":2000000000,"allocs":2,"bytes":64}]}`, b.String())
	b.Reset()
	require.NoError(t, WriteJSON(&b, nil))
	require.JSONEq(t, `{"rows":[]}`, b.String())
}

func TestCSV(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, WriteCSV(&b, results()))
	lines, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 9)
	require.Equal(t, []string{"one-way-64", "signet", "150.0", "125.0", "175.0", "2.0", "64.4", "10", "1.500", "0.500", ""}, lines[1])
	require.Equal(t, []string{"seal-1", "official-node", "", "", "", "", "", "", "", "", "no Node"}, lines[7])
}

func TestPlot(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	require.NoError(t, Plot(dir, results()))
	for _, name := range []string{"headline", "floor", "growth"} {
		svg, err := os.ReadFile(filepath.Join(dir, name+".svg"))
		require.NoError(t, err)
		require.Contains(t, string(svg), "<svg")
		png, err := os.ReadFile(filepath.Join(dir, name+".png"))
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(png, []byte("\x89PNG")))
	}
	require.NoError(t, Plot(t.TempDir(), nil), "nothing to draw")
}

func TestDuration(t *testing.T) {
	for ns, want := range map[float64]string{
		0: "0.00 ns", 7.456: "7.46 ns", 99.96: "100 ns", 999.4: "999 ns", 999.9: "1.00 µs",
		12_345: "12.3 µs", 999_700: "1.00 ms", 1.5e9: "1.50 s", 2e12: "2000 s",
	} {
		require.Equal(t, want, duration(ns))
	}
}

func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, 4)
	p.Begin("one-way-64")
	p.Tick()
	p.Done()
	require.Empty(t, b.String(), "not a terminal")
	require.Equal(t, "[=======                       ]  25 % one-way-64", p.line())
	require.NotPanics(t, func() { NewProgress(&b, 0).Begin("nothing") })
}
