package check

// The documents of a bundle.

type report struct {
	Format string `json:"format"`
	Tool   struct {
		Version   string `json:"version"`
		Rulebook  string `json:"rulebook"`
		Sentences string `json:"sentences"`
	} `json:"tool"`
	Scenario    string          `json:"scenario"`
	Headline    *headline       `json:"headline"`
	Assumptions []string        `json:"assumptions"`
	Messages    []messageReport `json:"messages"`
	Injections  []struct {
		Step     int    `json:"step"`
		By       string `json:"by"`
		Accepted bool   `json:"accepted"`
		Evidence string `json:"evidence"`
	} `json:"injections"`
	Verdicts []verdict `json:"verdicts"`
	Notice   *struct {
		State string   `json:"state"`
		By    string   `json:"by,omitempty"`
		Text  sentence `json:"text"`
	} `json:"notice,omitempty"`
	Evidence []struct {
		ID    string `json:"id"`
		Kind  string `json:"kind"`
		Claim string `json:"claim"`
	} `json:"evidence"`
	Limits []string `json:"limits"`
}

type sentence struct {
	EN string `json:"en"`
	FR string `json:"fr"`
}

type messageReport struct {
	I               int      `json:"i"`
	From            string   `json:"from"`
	Delivered       bool     `json:"delivered"`
	ReadableBy      []string `json:"readable_by"`
	QuantumReadable []string `json:"quantum_readable_by"`
	ForgeableBy     []string `json:"forgeable_by"`
	Evidence        exhibits `json:"evidence"`
}

type healing struct {
	Classical *int `json:"classical,omitempty"`
	Quantum   *int `json:"quantum,omitempty"`
}

type verdict struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Principal string    `json:"principal"`
	Verdict   string    `json:"verdict"`
	Messages  int       `json:"messages"`
	Of        int       `json:"of"`
	Healing   *healing  `json:"healing,omitempty"`
	Metadata  *metadata `json:"metadata,omitempty"`
	Tried     []string  `json:"tried,omitempty"`
	Severity  severity  `json:"severity"`
	Evidence  []string  `json:"evidence"`
	Text      sentence  `json:"text"`
}

type metadata struct {
	Contact  bool `json:"contact"`
	Timing   bool `json:"timing"`
	Messages int  `json:"messages"`
	Bytes    int  `json:"bytes"`
}

type severity struct {
	Class  string `json:"class"`
	Inputs struct {
		Base        int `json:"base"`
		Exposure    int `json:"exposure"`
		Persistence int `json:"persistence"`
		Active      int `json:"active"`
	} `json:"inputs"`
}

type transcript struct {
	Format     string      `json:"format"`
	Principals []principal `json:"principals"`
	Grants     []grant     `json:"grants"`
	Events     []event     `json:"events"`
	Turns      []turn      `json:"turns"`
	PQChains   []pqChain   `json:"pq_chains"`
	Custody    *custody    `json:"custody,omitempty"`
}

// custody is what is public about notices.
type custody struct {
	Root     string `json:"root"`
	Profile  string `json:"profile"`
	Identity string `json:"identity"`
	Protocol uint64 `json:"protocol"`
}

type principal struct {
	ID      string `json:"id"`
	Role    string `json:"role"`
	Quantum bool   `json:"quantum,omitempty"`
	Sees    string `json:"sees,omitempty"`
	SameAs  string `json:"same_as,omitempty"`

	Seen   []int    `json:"seen,omitempty"`
	Others []string `json:"others,omitempty"`
}

type grant struct {
	Name  string   `json:"name"`
	To    string   `json:"to"`
	From  string   `json:"from"`
	Via   string   `json:"via"`
	Atoms []string `json:"atoms,omitempty"`
	Count int      `json:"count,omitempty"`
	Since int      `json:"since"`
	Until int      `json:"until"`
	At    int      `json:"at"`
	Ended int      `json:"ended"`
}

type turn struct {
	Session string `json:"session"`
	Key     string `json:"key"`
	Against string `json:"against,omitempty"`
	Last    uint32 `json:"last"`
}

type pqChain struct {
	Session string `json:"session"`
	Epoch   uint64 `json:"epoch"`
	Dir     uint8  `json:"dir"`
	Last    uint32 `json:"last"`
}

type preKey struct {
	ID        uint32 `json:"id"`
	Key       string `json:"key"`
	Public    string `json:"public,omitempty"`    // of a KEM prekey
	Signature string `json:"signature,omitempty"` // of a signed prekey or KEM prekey
}

// An event is one of "bundle", "message", "parcel", "probe", "statement" and "client", with the
// fields of its kind.
type event struct {
	At   int    `json:"at"`
	Kind string `json:"kind"`
	From string `json:"from"` // message, parcel
	To   string `json:"to"`   // parcel, probe

	Of            string  `json:"of"`       // bundle
	Identity      string  `json:"identity"` // client, too
	SignedPreKey  preKey  `json:"signed_prekey"`
	OneTimePreKey *preKey `json:"one_time_prekey"`
	KEMPreKey     *preKey `json:"kem_prekey"`

	Number      int    `json:"number"` // message, probe
	By          string `json:"by"`     // message
	Session     string `json:"session"`
	PreKey      bool   `json:"prekey"`
	Body        string `json:"body"`
	Delivered   bool   `json:"delivered"`
	DeliveredAt int    `json:"delivered_at"`

	Grant string `json:"grant"` // parcel
	File  string `json:"file"`  // parcel, statement
	Twin  string `json:"twin"`  // statement

	Time      uint64 `json:"time"` // message, client
	Signal    string `json:"signal"`
	Statement *int   `json:"statement"`

	Message   int        `json:"message"` // probe
	Injection *injection `json:"injection"`
	Takes     []way      `json:"takes"`
}

type injection struct {
	Step int    `json:"step"`
	By   string `json:"by"`
}

type pqIndex struct {
	Epoch uint64 `json:"epoch"`
	Dir   uint8  `json:"dir"`
	Index uint32 `json:"index"`
}

type way struct {
	Session  string    `json:"session,omitempty"`
	Key      string    `json:"key,omitempty"`
	Root     bool      `json:"root,omitempty"`
	Next     uint32    `json:"next,omitempty"`
	Skipped  []uint32  `json:"skipped,omitempty"`
	First    bool      `json:"first,omitempty"`
	Sender   string    `json:"sender,omitempty"`
	PreKey   string    `json:"prekey,omitempty"`
	PQ       bool      `json:"pq,omitempty"`
	Keyless  bool      `json:"keyless,omitempty"`
	PQKeys   []pqIndex `json:"pq_keys,omitempty"`
	PQChains []pqIndex `json:"pq_chains,omitempty"`
}

type evidence struct {
	Certificates []struct {
		ID        string `json:"id"`
		Principal string `json:"principal"`
		Quantum   bool   `json:"quantum"`
	} `json:"certificates"`
	Readings  []reading `json:"readings"`
	Forgeries []forgery `json:"forgeries"`
	Sessions  []forgery `json:"sessions"`

	Observations []struct {
		ID        string `json:"id"`
		Principal string `json:"principal"`
	} `json:"observations"`
	Collisions []struct {
		ID        string `json:"id"`
		Principal string `json:"principal"`
		Event     int    `json:"event"`
		Message   int    `json:"message"`
	} `json:"collisions"`
	Notices []struct {
		ID        string `json:"id"`
		Principal string `json:"principal"`
		At        int    `json:"at"`
		Body      string `json:"body"`
	} `json:"notices,omitempty"`
	Contradictions []struct {
		ID string `json:"id"`
		At int    `json:"at"`
	} `json:"contradictions,omitempty"`
}

type messageKeys struct {
	Cipher   string `json:"cipher"`
	MAC      string `json:"mac"`
	IV       string `json:"iv"`
	Sender   string `json:"sender"`
	Receiver string `json:"receiver"`
}

type reading struct {
	ID         string       `json:"id"`
	Principal  string       `json:"principal"`
	Quantum    bool         `json:"quantum"`
	Message    int          `json:"message"`
	Keys       *messageKeys `json:"keys,omitempty"`
	TextSHA256 string       `json:"text_sha256"`
}

type forgery struct {
	ID         string      `json:"id"`
	Principal  string      `json:"principal"`
	Probe      int         `json:"probe"`
	Strategy   string      `json:"strategy"`
	PreKey     bool        `json:"prekey"`
	Body       string      `json:"body"`
	Keys       messageKeys `json:"keys"`
	TextSHA256 string      `json:"text_sha256"`
}
