package ops

import (
	_ "embed"

	"signet.example/signet/bench/internal/measure"
	"signet.example/signet/custodian"
)

// scenario is a conversation of four messages between two ends that hold their own keys, with an
// observer who has a quantum computer.
//
//go:embed scenario.json
var scenario []byte

func (b *builder) custody() {
	b.add("custody-evaluation", "a custody scenario of four messages evaluated: played, and what each principal can read and forge",
		looped(measure.Signet, func() (func() error, error) {
			sc, err := custodian.ParseScenario(scenario)
			return func() error { _, err := custodian.Evaluate(ctx, sc, nil); return err }, err
		}))
}
