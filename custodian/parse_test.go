package custodian

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMalformed: a scenario that is wrong is refused, and the error names the field.
func TestMalformed(t *testing.T) {
	wrap := func(step string) string {
		return `{"format":"custody-scenario-v1","protocol":4,"seed":1,"principals":[{"id":"p","role":"provider"}],"script":[{"send":"customer"},` + step + `]}`
	}
	for _, c := range []struct{ in, field string }{
		{`{`, "document"},
		{`[]`, "document"},
		{`{"format":"custody-scenario-v1","protocol":4}`, "script"},
		{`{"protocol":4,"script":[]}`, "format"},
		{`{"format":"custody-scenario-v2","protocol":4,"script":[]}`, "format"},
		{`{"format":"custody-scenario-v1","protocol":5,"script":[]}`, "protocol"},
		{`{"format":"custody-scenario-v1","protocol":"4","script":[]}`, "protocol"},
		{`{"format":"custody-scenario-v1","protocol":4,"script":[],"seed":-1}`, "seed"},
		{`{"format":"custody-scenario-v1","protocol":4,"script":[],"seed":1.5}`, "seed"},
		{`{"format":"custody-scenario-v1","protocol":4,"script":[],"seed":1,"seed":2}`, "seed"},
		{`{"format":"custody-scenario-v1","protocol":4,"script":[],"Seed":1}`, "Seed"},
		{`{"format":"custody-scenario-v1","protocol":4,"script":[],"initiator":"p"}`, "initiator"},
		{`{"format":"custody-scenario-v1","protocol":4,"script":[],"principals":[{"id":"customer","role":"provider"}]}`, "principals[0].id"},
		{`{"format":"custody-scenario-v1","protocol":4,"script":[],"principals":[{"id":"p","role":"king"}]}`, "principals[0].role"},
		{`{"format":"custody-scenario-v1","protocol":4,"script":[],"principals":[{"id":"p","role":"provider","sees":"some"}]}`, "principals[0].sees"},
		{`{"format":"custody-scenario-v1","protocol":4,"script":[],"principals":[{"id":"p","role":"provider","same_as":"q"}]}`, "principals[0].same_as"},
		{`{"format":"custody-scenario-v1","protocol":4,"script":[],"principals":[{"id":"p","role":"provider"},{"id":"p","role":"provider"}]}`, "principals[1].id"},
		{`{"format":"custody-scenario-v1","protocol":4,"script":[],"principals":[{"id":"p","role":"provider","mode":"M1"}]}`, "principals[0].mode"},
		{wrap(`{}`), "script[1]"},
		{wrap(`{"text":"x"}`), "script[1].send"},
		{wrap(`{"send":"provider"}`), "script[1].send"},
		{wrap(`{"send":"customer","count":0}`), "script[1].count"},
		{wrap(`{"send":"customer","rotate":"session"}`), "script[1]"},
		{wrap(`{"deliver":[0]}`), "script[1].deliver[0]"},
		{wrap(`{"deliver":false}`), "script[1].send"},
		{wrap(`{"drop":[7]}`), "script[1].drop[0]"},
		{wrap(`{"teleport":"customer"}`), "script[1].teleport"},
		{wrap(`{"rotate":"nothing"}`), "script[1].rotate"},
		{wrap(`{"revoke":{"name":"g"}}`), "script[1].revoke.name"},
		{wrap(`{"revoke":"g"}`), "script[1].revoke"},
		{wrap(`{"block":"business"}`), "script[1].block"},
		{wrap(`{"barrier":"business"}`), "script[1].barrier"},
		{wrap(`{"notice":{}}`), "script[1].notice.statement"},
		{wrap(`{"grant":{"name":"g","to":"q","atoms":["root"],"via":"copy"}}`), "script[1].grant.to"},
		{wrap(`{"grant":{"name":"g","to":"p","atoms":["rot"],"via":"copy"}}`), "script[1].grant.atoms"},
		{wrap(`{"grant":{"name":"g","to":"p","atoms":[""],"via":"copy"}}`), "script[1].grant.atoms"},
		{wrap(`{"grant":{"name":"g","to":"p","atoms":[],"via":"copy"}}`), "script[1].grant.atoms"},
		{wrap(`{"grant":{"name":"g","to":"p","atoms":["root"],"via":"post"}}`), "script[1].grant.via"},
		{wrap(`{"grant":{"name":"g","to":"p","atoms":["root"]}}`), "script[1].grant.via"},
		{wrap(`{"grant":{"name":"g","to":"p","from":"p","atoms":["root"],"via":"copy"}}`), "script[1].grant.from"},
		{wrap(`{"grant":{"name":"g","to":"p","atoms":["sending-chain"],"via":"quota"}}`), "script[1].grant.count"},
		{wrap(`{"grant":{"name":"g","to":"p","atoms":["root"],"via":"copy","count":2}}`), "script[1].grant.count"},
		{wrap(`{"inject":{"by":"q","as":"business","to":"customer","text":"x"}}`), "script[1].inject.by"},
		{wrap(`{"inject":{"by":"p","as":"business","to":"business","text":"x"}}`), "script[1].inject.to"},
		{wrap(`{"inject":{"by":"p","as":"business","to":"customer"}}`), "script[1].inject.text"},
		{wrap(`{"send":null}`), "script[1].send"},
	} {
		_, err := ParseScenario([]byte(c.in))
		var e *ScenarioError
		require.ErrorAs(t, err, &e, c.in)
		require.Equal(t, c.field, e.Field, c.in)
		require.True(t, strings.HasPrefix(err.Error(), "custodian: scenario: "+c.field+": "), err)
	}
}

// TestRoundTrip: a scenario built in Go is written as one that parses to the same.
func TestRoundTrip(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scenarios, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var list []*Scenario
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		list = append(list, parse(t, b))
	}
	for n := range uint64(40) {
		list = append(list, randomScenario(n))
	}
	for _, sc := range list {
		b, err := json.Marshal(sc)
		require.NoError(t, err)
		again := parse(t, b)
		other, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(b), string(other))
		one, err := sc.digest()
		require.NoError(t, err)
		two, err := again.digest()
		require.NoError(t, err)
		require.Equal(t, one, two)
	}
}

// TestDigest is of the canonical form, so that layout is no difference.
func TestDigest(t *testing.T) {
	b := read(t, "self.json")
	sc := parse(t, b)
	given, err := sc.digest()
	require.NoError(t, err)
	spaced, err := parse(t, append(b, '\n')).digest()
	require.NoError(t, err)
	require.Equal(t, given, spaced)
	sc.Seed++
	changed, err := sc.digest()
	require.NoError(t, err)
	require.NotEqual(t, given, changed)
}

// TestMalformedStatement: a statement that nobody could sign is an error that names the field.
func TestMalformedStatement(t *testing.T) {
	const head = `{"format":"custody-scenario-v1","protocol":4,"principals":[{"id":"p","role":"provider"}],"script":[{"send":"customer"},{"notice":{"statement":`
	for _, c := range []struct{ statement, field string }{
		{`[]`, "statement"},
		{`{"extra":1}`, "statement.extra"},
		{`{"by":"nobody"}`, "statement.by"},
		{`{"by":"customer"}`, "statement.by"},
		{`{"by":"p","withhold":true}`, "statement.by"},
		{`{"profile":"notary"}`, "statement.profile"},
		{`{"minutes":-1}`, "statement.minutes"},
		{`{"replay":1}`, "statement.replay"},
		{`{"storage":"moon"}`, "statement.storage"},
		{`{"actor":"moon"}`, "statement.actor"},
		{`{"label":" x"}`, "statement"},
		{`{"words":{"en":"line\nbreak","fr":""}}`, "statement"},
		{`{"words":{"en":"no French"}}`, "statement.words.fr"},
		{`{"grants":[{"to":"q","atoms":["session"],"via":"copy"}]}`, "statement.grants[0].to"},
		{`{"grants":[{"to":"p","atoms":["sesame"],"via":"copy"}]}`, "statement.grants[0].atoms"},
		{`{"grants":[{"to":"p","via":"copy"}]}`, "statement.grants[0].atoms"},
		{`{"grants":[{"to":"p","atoms":["session"],"via":"post"}]}`, "statement.grants[0].via"},
		{`{"grants":[{"to":"p","via":"quota"}]}`, "statement.grants[0].count"},
		{`{"grants":[{"to":"p","atoms":["plaintext"],"via":"copy","direction":"up"}]}`, "statement.grants[0].direction"},
		{`{"grants":[{"to":"p","atoms":["identity"],"via":"copy","key":1}]}`, "statement.grants[0].key"},
	} {
		_, err := ParseScenario([]byte(head + c.statement + `}}]}`))
		var e *ScenarioError
		require.ErrorAs(t, err, &e, c.statement)
		require.Equal(t, "script[1].notice."+c.field, e.Field, c.statement)
	}
}

func FuzzParseScenario(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(scenarios, "*.json"))
	require.NoError(f, err)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sc, err := ParseScenario(b)
		if err != nil {
			var e *ScenarioError
			require.ErrorAs(t, err, &e)
			return
		}
		out, err := json.Marshal(sc)
		require.NoError(t, err)
		_, err = ParseScenario(out)
		require.NoError(t, err)
	})
}
