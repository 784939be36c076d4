package notice

import (
	"slices"

	"signet.example/signet"
	"signet.example/signet/custodian/notice/internal/tlv"
	"signet.example/signet/custodian/notice/tlog"
)

// A custody is who holds what, as far as a change of it has to be shown.
type custody struct {
	digest Hash
	names  []string // of all who were granted something
}

func custodyOf(s *Statement) custody {
	var c custody
	var b []byte
	granted := make([]bool, len(s.Providers))
	for i := range s.Grants {
		b = tlv.AppendItem(b, s.Grants[i].append(nil))
		granted[s.Grants[i].To] = true
	}
	b = tlv.AppendItem(nil, b)
	for i := range s.Providers {
		b = tlv.AppendItem(b, s.Providers[i].append(nil))
		if granted[i] {
			c.names = append(c.names, s.Providers[i].Name)
		}
	}
	c.digest = digest("custody-of\x00", []byte{byte(s.Storage), byte(s.Actor)}, b)
	return c
}

// A former is what a provider was granted, after the grant has ended.
type former struct {
	name     string
	operator bool
	secrets  Secrets
	quota    uint64
	identity signet.PublicKey // the identity key that was granted, zero if none was
	chains   uint8            // the chains in it are dropped after so many new ones of the business
}

const (
	// retained is how many receiving chains a client keeps: a chain key stops working when so many
	// newer chains have come (custody T12).
	retained = 5

	maxFormer = 64
)

// ofChains are the secrets that are of single chains: they stop working when the client has dropped
// the chain. From the others newer keys follow, perhaps together with what somebody else has, so
// they last until there is a fresh session. Counting chains is of no use against them: whoever can
// turn the ratchet makes chains of its own.
const ofChains = SendingChain | ReceivingChains | Skipped

// aged returns what is left of f when its chains have been dropped.
func (f former) aged() former {
	f.secrets &^= ofChains
	f.quota, f.chains = 0, 0
	return f
}

// settle puts s in force after the checks have passed.
func (c *Customer) settle(s *Signed) {
	if last := c.current(); last != nil {
		c.retire(last.statement, s.statement)
	} else if s.statement.Seq > 1 {
		c.partial = c.chat.Identity
	}
	now := custodyOf(s.statement)
	if c.shown != nil && c.shown.digest != now.digest {
		if len(c.path) == 0 {
			c.path = []custody{*c.shown}
		}
		if c.path = append(c.path, now); len(c.path) > maxPath {
			c.path = slices.Delete(slices.Clone(c.path), 1, 2)
		}
	}
	c.shown = &now
	if c.history = append(c.history, s); len(c.history) > remembered {
		c.history = slices.Clone(c.history[1:])
	}
	if c.doubt != TwoEntries { // this one does not go away by another statement
		c.doubt, c.check = 0, 0
	}
	c.published = max(c.published, s.statement.Seq)
	mine := entry(c.salt, s.statement.Seq, s.Hash())
	c.spotted = slices.DeleteFunc(slices.Clone(c.spotted), func(e tlog.Entry) bool {
		if e.Tag() != mine.Tag() {
			return false
		}
		if e != mine {
			c.suspect(TwoEntries)
		}
		return true
	})
}

// maxPath is how many steps of a change are remembered until it is acknowledged.
const maxPath = 8

// retire remembers what old grants and new does not; a nil new grants nothing.
func (c *Customer) retire(old, new *Statement) {
	for i := range old.Providers {
		p := &old.Providers[i]
		had, quota, oracle := given(old, p)
		if new != nil {
			has, left, _ := given(new, p)
			had &^= has
			if left > 0 {
				quota = 0
			}
		}
		had &^= Plaintext // no more texts are copied; those that were cannot be taken back
		if had == 0 && quota == 0 {
			continue
		}
		f := former{name: p.Name, operator: p.Operator, secrets: had, quota: quota, chains: retained}
		if had&Identity != 0 && !oracle {
			f.identity = c.chat.Identity // after an oracle stops answering, nobody has the key
		}
		c.keep(f)
	}
}

// given returns what a statement gives to p. The identity key is with an oracle if nothing else
// gives it.
func given(s *Statement, p *Provider) (secrets Secrets, quota uint64, oracle bool) {
	copied := false
	for _, g := range s.Grants {
		if q := &s.Providers[g.To]; q.Name != p.Name || q.Key != p.Key {
			continue
		}
		if g.Via == Quota {
			quota += min(g.Count, 1<<40)
			continue
		}
		secrets |= g.Secrets
		copied = copied || g.Via != Oracle && g.Secrets&Identity != 0
	}
	return secrets, quota, secrets&Identity != 0 && !copied
}

// keep merges f into what is known about its holder.
func (c *Customer) keep(f former) {
	i := slices.IndexFunc(c.former, func(o former) bool { return o.name == f.name })
	if i < 0 && len(c.former) < maxFormer {
		c.former = append(c.former, f)
		return
	}
	o := &c.former[max(i, 0)] // without room for another name, the secrets still count
	o.operator = o.operator || f.operator
	o.secrets |= f.secrets
	o.quota += f.quota
	o.chains = max(o.chains, f.chains)
	if !f.identity.IsZero() {
		o.identity = f.identity
	}
}

// holding returns all who can do something: those that the statement names, with what they may have
// kept, and, from index current on, those of earlier statements, as far as past says.
func holding(s *Statement, past []former) (list []Holder, current int) {
	providers, grants := slices.Clone(s.Providers), slices.Clone(s.Grants)
	for _, f := range past {
		i := slices.IndexFunc(providers, func(p Provider) bool { return p.Name == f.name })
		if i < 0 {
			i = len(providers)
			providers = append(providers, Provider{Name: f.name, Operator: f.operator})
		}
		if f.secrets != 0 {
			grants = append(grants, Grant{To: i, Secrets: f.secrets, Via: Copy})
		}
		if f.quota != 0 {
			grants = append(grants, Grant{To: i, Secrets: SendingChain, Via: Quota, Count: f.quota})
		}
	}
	now := custodyOf(s).names
	for _, h := range holders(s.Protocol, providers, grants) {
		isFormer := !slices.ContainsFunc(h.Names, func(n string) bool { return slices.Contains(now, n) })
		if isFormer {
			list = append(list, h)
			continue
		}
		list = slices.Insert(list, current, h)
		current++
	}
	return list, current
}
