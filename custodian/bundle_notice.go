package custodian

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// The part of a bundle that is about statements (docs/custody-bundle.md).

type bundleCustody struct {
	Root     string `json:"root"`    // the custody root key that the customer has pinned
	Profile  string `json:"profile"` // of the customer's client
	Identity string `json:"identity"`
	Protocol int    `json:"protocol"`
}

type bundleStatement struct {
	At     int    `json:"at"`
	Kind   string `json:"kind"`
	Number int    `json:"number"`
	By     string `json:"by,omitempty"`
	File   string `json:"file"`
	Twin   string `json:"twin,omitempty"`
}

type bundleClient struct {
	At        int    `json:"at"`
	Kind      string `json:"kind"`
	Time      int64  `json:"time"`
	Signal    string `json:"signal"`
	Statement *int   `json:"statement,omitempty"`
	Identity  string `json:"identity,omitempty"`
}

type bundleNotice struct {
	ID        string `json:"id"`
	Principal string `json:"principal"`
	At        int    `json:"at"`
	Body      string `json:"body"`
}

type bundleContradiction struct {
	ID string `json:"id"`
	At int    `json:"at"`
}

// custody is what is public about notices, nil if there are none.
func (b *bundle) custody() *bundleCustody {
	c := b.w.run.custody
	if c == nil {
		return nil
	}
	x := &bundleCustody{Profile: CustodyRoot, Identity: hex.EncodeToString(c.chat.Identity.Bytes()), Protocol: int(c.chat.Protocol)}
	root := c.root.Root()
	x.Root = hex.EncodeToString(root[:])
	if c.policy.IdentityProfile {
		x.Profile = IdentitySigned
	}
	return x
}

func (b *bundle) statement(at int, st *stated) any {
	x := bundleStatement{At: at, Kind: "statement", Number: st.number, File: fmt.Sprintf("statements/%04d.bin", st.number+1)}
	if st.by >= 0 {
		x.By = b.w.run.sc.Principals[st.by].ID
	}
	b.add(x.File, st.control)
	if st.twin != nil {
		x.Twin = fmt.Sprintf("statements/%04d.twin", st.number+1)
		b.add(x.Twin, st.twin.Bytes())
	}
	return x
}

func (b *bundle) client(at int, e *clientEvent) any {
	x := bundleClient{At: at, Kind: "client", Time: e.time.Unix(), Signal: e.signal, Identity: hexKey(e.identity)}
	if e.stated != nil {
		x.Statement = &e.stated.number
	}
	return x
}

// notices lists the forged statements that the customer's client took, and the proofs of
// contradictions.
func (b *bundle) notices(list *bundleEvidence) {
	n := &b.w.notices
	for i, v := range b.w.views {
		for _, at := range n.asked {
			if x, ok := n.forged[i][at]; ok {
				list.Notices = append(list.Notices, bundleNotice{x.id, v.p.ID, at, hex.EncodeToString(v.noticed[at])})
			}
		}
	}
	slices.SortFunc(list.Notices, func(x, y bundleNotice) int { return strings.Compare(x.ID, y.ID) })
	for i, w := range n.contradiction {
		list.Contradictions = append(list.Contradictions, bundleContradiction{w.id, n.proved[i]})
	}
}
