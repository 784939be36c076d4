package notice

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet.example/signet"
)

// TestManyFormers: names of former holders are bounded, and what one more of them was given still
// counts.
func TestManyFormers(t *testing.T) {
	var c Customer
	for i := range 3 * maxFormer {
		f := former{name: fmt.Sprint("provider ", i), secrets: SendingChain, quota: 1, chains: 1}
		if i == 2*maxFormer { // and those after it less
			f.secrets, f.operator, f.chains = Identity, true, retained
		}
		c.keep(f)
	}
	require.Len(t, c.former, maxFormer)
	require.Equal(t, SendingChain|Identity, c.former[0].secrets)
	require.True(t, c.former[0].operator)
	require.EqualValues(t, retained, c.former[0].chains)
	require.EqualValues(t, 2*maxFormer+1, c.former[0].quota, "no quota is forgotten")
}

// TestExists: a statement that the business did not sign says nothing about which is its latest.
func TestExists(t *testing.T) {
	for check, counts := range map[Check]bool{CheckRoot: false, CheckSignature: false, CheckInclusion: true} {
		s := newShop(t, Account, -1)
		alice := s.customer("alice")
		s.give(alice, s.issue(nil))
		before := alice.published
		later := s.issue(hosted("Acme", Session, Copy))
		alice.exists(later, failed(check, "of some kind"))
		require.Equal(t, counts, alice.published > before, "%v", check)
	}
}

// TestFormerIdentity: that a holder had the identity key once is not forgotten over what it had
// later.
func TestFormerIdentity(t *testing.T) {
	var c Customer
	k := signet.GenerateKey().PublicKey()
	c.keep(former{name: "Acme", secrets: Identity, identity: k})
	c.keep(former{name: "Acme", secrets: SendingChain})
	require.Equal(t, k, c.former[0].identity)
}

// TestEnd: a statement is believed until the customer's period is over or it expires, whichever
// comes first, and a grace longer.
func TestEnd(t *testing.T) {
	c := Customer{policy: Policy{Period: 10 * time.Hour, Grace: time.Hour}}
	from := time.Unix(1_800_000_000, 0)
	require.Equal(t, from.Add(4*time.Hour), c.end(&Statement{From: from, Expires: from.Add(3 * time.Hour)}))
	require.Equal(t, from.Add(11*time.Hour), c.end(&Statement{From: from, Expires: from.Add(30 * time.Hour)}))
}
