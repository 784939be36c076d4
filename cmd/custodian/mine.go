package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"signet.example/signet/custodian"
	"signet.example/signet/custodian/check"
)

// errNotMine is a bundle that is not of the conversation that the customer had.
var errNotMine = errors.New("verify: the bundle and your own list are not of one conversation")

// maxShown bounds what is printed of each kind.
const maxShown = 10

// readMine reads the customer's list: lines of "sent" or "received", a space, and 64 digits of
// lower-case hexadecimal.
func readMine(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []string
	twice := make(map[string]bool)
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\r\n")
		way, digest, _ := strings.Cut(line, " ")
		raw, err := hex.DecodeString(digest)
		if err != nil || len(raw) != 32 || hex.EncodeToString(raw) != digest || way != "sent" && way != "received" || twice[line] {
			return nil, fmt.Errorf("verify: line %d of the list is not \"sent\" or \"received\" and a SHA-256, or is there twice", len(list)+1)
		}
		list, twice[line] = append(list, line), true
	}
	return list, nil
}

// compareMine prints which of the customer's ciphertexts the bundle lacks, which of the bundle's
// are not hers, whether the order is another, and which sessions have none of hers. It says nothing
// about grants that were left out.
func compareMine(path string, envelopes []check.Envelope, out io.Writer) error {
	mine, err := readMine(path)
	if err != nil {
		return err
	}
	place := make(map[string]int, len(mine))
	for i, line := range mine {
		place[line] = i
	}
	there, sessions := make(map[string]bool), make(map[string]bool)
	var foreign []string
	last := map[string]int{"sent": -1, "received": -1}
	order := false
	for i := range envelopes {
		e := &envelopes[i]
		way := "received"
		if e.From == custodian.Customer {
			way = "sent"
		}
		line := way + " " + e.SHA256
		there[line] = true
		at, hers := place[line]
		sessions[e.Session] = sessions[e.Session] || hers
		switch {
		case hers && way == "sent":
			order = order || at < last[way]
			last[way] = at
		case !hers && e.Message && (way == "sent" || e.Delivered):
			foreign = append(foreign, line)
		}
	}
	lacking := slices.DeleteFunc(slices.Clone(mine), func(line string) bool { return there[line] })
	strange := 0
	for _, hers := range sessions {
		if !hers {
			strange++
		}
	}
	fmt.Fprintf(out, "\nYour own list: %d ciphertexts.\n", len(mine))
	some(out, "yours that the bundle leaves out", lacking)
	some(out, "the bundle's that you do not have", foreign)
	if order {
		fmt.Fprintln(out, "what you sent is in another order in the bundle")
	}
	if strange > 0 {
		fmt.Fprintf(out, "%d sessions of the bundle have none of yours\n", strange)
	}
	fmt.Fprintln(out, "Grants that were left out cannot be found this way.")
	if len(lacking) > 0 || len(foreign) > 0 || order || strange > 0 {
		return errNotMine
	}
	return nil
}

func some(out io.Writer, what string, list []string) {
	fmt.Fprintf(out, "%s: %d\n", what, len(list))
	for _, line := range list[:min(len(list), maxShown)] {
		fmt.Fprintln(out, "  "+line)
	}
}
