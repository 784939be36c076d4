package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"signet.example/signet/custodian"
	"signet.example/signet/custodian/check"
)

func verifyCommand(args []string, out, errs io.Writer) int {
	flags := newFlags("verify", errs)
	replay := flags.Bool("replay", true, "play the scenario of a lab bundle again and compare the bytes")
	dimacs := flags.String("dimacs", "", "write the questions for a standard prover into this directory")
	mine := flags.String("mine", "", "the customer's own list of ciphertexts, to find what was left out")
	if err := flags.Parse(args); err != nil {
		return 1
	}
	if flags.NArg() != 1 {
		fmt.Fprintln(errs, usage)
		return 1
	}
	return exitCode(verify(flags.Arg(0), *dimacs, *mine, *replay, out), errs)
}

func verify(path, dimacs, mine string, replay bool, out io.Writer) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	o, err := check.Verify(b)
	if err == nil && dimacs != "" {
		d := &proofs{dir: dimacs}
		_, err = check.Prove(b, d.wanted, d.write)
	}
	if err != nil {
		return err
	}
	played := "a bundle without its scenario: consistent, and not to be played again"
	switch {
	case o.Scenario != nil && replay:
		if err := playAgain(b, o.Scenario); err != nil {
			return err
		}
		played = "played again: the same bytes"
	case o.Scenario != nil:
		played = "consistent, not replayed"
	}
	if err := printFound(out, o, played); err != nil || mine == "" {
		return err
	}
	return compareMine(mine, o.Envelopes, out)
}

// playAgain makes the bundle of a scenario and refuses one that differs. What this version of the
// tool does not play to the same bytes (another version's bundle, a recording of live devices) is
// refused, too.
func playAgain(b, scenario []byte) error {
	sc, err := custodian.ParseScenario(scenario)
	if err != nil {
		return fmt.Errorf("verify: the bundle's scenario cannot be played: %v", err)
	}
	_, again, err := custodian.EvaluateBundle(context.Background(), sc, nil, custodian.Lab)
	if err != nil {
		return fmt.Errorf("verify: the bundle's scenario cannot be played: %v", err)
	}
	b, err = custodian.UnsignBundle(b) // a signature is no part of what is played
	if err != nil {
		return err
	}
	if bytes.Equal(b, again) {
		return nil
	}
	if name := firstDifference(b, again); name != "" {
		return fmt.Errorf("verify: the scenario played again gives another %s", name)
	}
	return errors.New("verify: the scenario played again gives another bundle")
}

// firstDifference names the first file, but for the manifest, that is not the same in two archives.
// The names are those that a verifier has let pass, or our own.
func firstDifference(a, b []byte) string {
	x, y := tar.NewReader(bytes.NewReader(a)), tar.NewReader(bytes.NewReader(b))
	for {
		h, err := x.Next()
		k, other := y.Next()
		switch {
		case err != nil && other != nil:
			return ""
		case err != nil:
			return k.Name
		case other != nil || h.Name != k.Name:
			return h.Name
		}
		one, err := io.ReadAll(x)
		two, other := io.ReadAll(y)
		if h.Name != "manifest.json" && (err != nil || other != nil || !bytes.Equal(one, two)) {
			return h.Name
		}
	}
}

// printFound prints what the verifier found. All of it is the verifier's own words, numbers, and
// names without characters that a terminal would act on.
func printFound(out io.Writer, o *check.Outcome, played string) error {
	var s strings.Builder
	fmt.Fprintf(&s, "verified: %s bundle sha256:%s\n", o.Profile, o.Manifest)
	fmt.Fprintln(&s, played)
	fmt.Fprintln(&s, author(o))
	for _, r := range o.Receivers {
		if r.Signed > 0 {
			fmt.Fprintf(&s, "%s signed for %d of its %d parcels with the key %s\n", r.Principal, r.Signed, r.Parcels, r.Key)
		}
	}
	fmt.Fprintln(&s)
	for _, f := range o.Found {
		wrap(&s, "", f)
	}
	fmt.Fprintln(&s)
	for _, j := range o.Judged {
		count := fmt.Sprintf("%d/%d", j.Messages, j.Of)
		fmt.Fprintf(&s, "%-4s %-11s %9s  %s: %s\n", j.Guarantee, j.Verdict, count, j.Principal, j.Name)
	}
	fmt.Fprintf(&s, "\n%d messages, %d readings and %d forgeries opened again, %d certificates,\n%d verdicts, %d edges of derivations\n\n",
		o.Messages, o.Readings, o.Forgeries, o.Certificates, o.Verdicts, o.Edges)
	fmt.Fprintln(&s, "What this cannot show:")
	for _, l := range o.Limits {
		wrap(&s, "- ", l)
	}
	_, err := io.WriteString(out, s.String())
	return err
}

// author says who vouches for a bundle.
func author(o *check.Outcome) string {
	if o.Author == "" {
		return "anonymous: nobody signed it"
	}
	return "signed by the custody root key " + o.Author
}

// wrap writes a sentence in lines of 78 characters; the first begins with mark.
func wrap(s *strings.Builder, mark, sentence string) {
	indent := strings.Repeat(" ", len(mark))
	line := mark
	for i, word := range strings.Fields(sentence) {
		if i > 0 && len(line)+1+len(word) > 78 {
			fmt.Fprintln(s, line)
			line = indent + word
			continue
		}
		if i > 0 {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(s, line)
}
