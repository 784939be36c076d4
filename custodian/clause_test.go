package custodian

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"signet.example/signet/custodian/check"
)

// A clause is a fraud that one clause of the format refuses first: without the clause it is refused
// for something else, or not at all.
type clause struct {
	fraud
	refus string // what the refusal of custodian/check says
}

// clauseBundle is a bundle with a principal that sees a part, a message held back, a grant that
// ended, and an injection.
func clauseBundle() *Scenario {
	sc := pingPong(4, 6, 2, "copy", "session")
	sc.Principals = append(sc.Principals,
		Principal{ID: "p2", Role: Outsider, Part: &Part{Messages: []int{1, 3}}}, Principal{ID: "p3", Role: Outsider, SameAs: "p2"})
	sc.Script = append(sc.Script, Step{Send: &Send{From: Customer, Hold: true}}, Step{Revoke: "g"},
		Step{Inject: &Inject{By: "p", As: Business, To: Customer, Text: "not by me"}})
	return sc
}

// scripted changes the script of a lab bundle, and its hash in the report.
func scripted(name, refus string, change func(v map[string]any)) clause {
	return clause{fraud{"script: " + name, func(t *testing.T, files, _ map[string][]byte) {
		edit(t, files, "scenario.json", change)
		sum := sha256.Sum256(files["scenario.json"])
		edit(t, files, "report.json", func(v map[string]any) { v["scenario"] = "sha256:" + hex.EncodeToString(sum[:]) })
	}}, refus}
}

func transcribed(name, refus string, change func(v map[string]any)) clause {
	return clause{inFile("transcript.json", name, change), refus}
}

// step is the first step of a script that has this.
func step(v map[string]any, has string) map[string]any {
	list := items(v["script"])
	return dict(list[slices.IndexFunc(list, func(s any) bool { _, ok := dict(s)[has]; return ok })])
}

func ofPrincipal(v map[string]any, i int) map[string]any { return dict(items(v["principals"])[i]) }

// scriptClauses are what binds a lab bundle to its script.
func scriptClauses() []clause {
	const principals, all = "the principals are not those", "the messages, grants or injections are not those"
	grant := func(name, field string, value any) clause {
		return scripted(name, `grant "g" is not that of the scenario`, func(v map[string]any) { dict(step(v, "grant")["grant"])[field] = value })
	}
	return []clause{
		scripted("another format", "unknown format", func(v map[string]any) { v["format"] = "custody-scenario-v2" }),
		scripted("a principal fewer", principals, func(v map[string]any) { v["principals"] = items(v["principals"])[:2] }),
		scripted("an id", principals, func(v map[string]any) { ofPrincipal(v, 2)["id"] = "p4" }),
		scripted("a role", principals, func(v map[string]any) { ofPrincipal(v, 0)["role"] = "operator" }),
		scripted("a quantum computer", principals, func(v map[string]any) { delete(ofPrincipal(v, 0), "quantum") }),
		scripted("shared with another", principals, func(v map[string]any) { ofPrincipal(v, 2)["same_as"] = "p" }),
		scripted("other messages seen", principals, func(v map[string]any) {
			dict(ofPrincipal(v, 1)["sees"])["messages"] = []any{number(1)}
		}),
		scripted("another sender", "message 0 is not of the scenario", func(v map[string]any) { step(v, "send")["send"] = "business" }),
		scripted("held back", "message 0 is held back", func(v map[string]any) { step(v, "send")["deliver"] = false }),
		scripted("a message fewer", all, func(v map[string]any) { items(v["script"])[7] = map[string]any{"barrier": true} }),
		scripted("no injection", all, func(v map[string]any) { l := items(v["script"]); v["script"] = l[:len(l)-1] }),
		scripted("no grant", all, func(v map[string]any) { items(v["script"])[2] = map[string]any{"barrier": true} }),
		scripted("never revoked", `grant "g" is not that`, func(v map[string]any) { dict(step(v, "revoke")["revoke"])["name"] = "h" }),
		grant("to another", "to", "p3"), grant("by another way", "via", "stream"), grant("other atoms", "atoms", []any{"session-ec"}),
		scripted("another name", `grant "h" is not that of the scenario`, func(v map[string]any) { dict(step(v, "grant")["grant"])["name"] = "h" }),
	}
}

// transcriptClauses are what a transcript is held against, apart from the bindings.
func transcriptClauses() []clause {
	bundle := func(name, refus string, change func(b map[string]any)) clause {
		return transcribed("bundle: "+name, refus, func(v map[string]any) { change(dict(first(events(v), "bundle"))) })
	}
	other := func(m map[string]any, field string) {
		s := m[field].(string)
		m[field] = s[:len(s)-1] + flip(s[len(s)-1:])
	}
	seen := func(name string, list ...any) clause {
		return transcribed("seen: "+name, "principal 1 is malformed", func(v map[string]any) { ofPrincipal(v, 1)["seen"] = list })
	}
	grant := func(name, refus, field string, value any) clause {
		return transcribed("grant: "+name, refus, func(v map[string]any) { dict(items(v["grants"])[0])[field] = value })
	}
	return []clause{
		bundle("signature of the signed prekey", "the signature of the signed prekey is wrong", func(b map[string]any) { other(dict(b["signed_prekey"]), "signature") }),
		bundle("signature of the KEM prekey", "the signature of the KEM prekey is wrong", func(b map[string]any) { other(dict(b["kem_prekey"]), "signature") }),
		bundle("another KEM prekey", "the signature of the KEM prekey is wrong", func(b map[string]any) { other(dict(b["kem_prekey"]), "key") }),
		bundle("not a key", "not a key", func(b map[string]any) { b["identity"] = "06" + b["identity"].(string)[2:] }),
		bundle("of nobody", "of neither end", func(b map[string]any) { b["of"] = "p" }),
		seen("in another order", number(3), number(1)), seen("one that there is not", number(1), number(99)),
		transcribed("who sees all lists it", "principal 0 is malformed", func(v map[string]any) { ofPrincipal(v, 0)["seen"] = []any{number(1)} }),
		transcribed("a role that there is not", "principal 0 is malformed", func(v map[string]any) { ofPrincipal(v, 0)["role"] = "auditor" }),
		transcribed("a sight that there is not", "principal 1 is malformed", func(v map[string]any) { ofPrincipal(v, 1)["sees"] = "some" }),
		transcribed("the same as itself", "principal 2 is malformed", func(v map[string]any) { ofPrincipal(v, 2)["same_as"] = "p3" }),
		transcribed("the same as nobody", "principal 2 is malformed", func(v map[string]any) { ofPrincipal(v, 2)["same_as"] = "p4" }),
		grant("to nobody", `grant "g" is malformed`, "to", "p4"), grant("since later", `grant "g" is malformed`, "since", number(3)),
		grant("until later", `grant "g" is malformed`, "until", number(6)), grant("a count", `grant "g" is malformed`, "count", number(1)),
		grant("by another way", "has atoms that it cannot have", "via", "enclave"),
		transcribed("a probe fewer", "malformed probe", func(v map[string]any) { dict(first(events(v), "probe"))["number"] = number(1) }),
		transcribed("a turn twice", "the list of ratchet keys is malformed", func(v map[string]any) { l := items(v["turns"]); l[1] = l[0] }),
		transcribed("a chain twice", "the list of post-quantum chains is malformed", func(v map[string]any) { l := items(v["pq_chains"]); l[1] = l[0] }),
		transcribed("a message's number", "the message is not the next one", func(v map[string]any) { dict(first(events(v), "message"))["number"] = number(1) }),
		transcribed("of another format", "unknown format", func(v map[string]any) { v["format"] = "custody-transcript-v2" }),
	}
}

// TestClauses: each is refused by both verifiers, and by custodian/check for what the clause says.
func TestClauses(t *testing.T) {
	good := bundleOf(t, clauseBundle(), Lab)
	shown := []shownBundle{{"untouched", good, true}}
	for _, c := range slices.Concat(scriptClauses(), transcriptClauses()) {
		files := filesOf(t, good)
		c.do(t, files, nil)
		b := repack(t, files, Lab)
		_, err := check.Verify(b)
		if err == nil {
			t.Errorf("%s: verified", c.name)
			continue
		}
		assert.ErrorContains(t, err, c.refus, c.name)
		shown = append(shown, shownBundle{c.name, b, false})
	}
	requireSame(t, shown)
}
