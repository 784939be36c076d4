package custodian

// The documents of a bundle (docs/custody-bundle.md). Keys and bodies are lower-case hexadecimal.

type bundleManifest struct {
	Format  string        `json:"format"`
	Profile Profile       `json:"profile"`
	Files   []bundleEntry `json:"files"`
}

type bundleEntry struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

type bundleTranscript struct {
	Format     string            `json:"format"`
	Principals []bundlePrincipal `json:"principals"`
	Grants     []bundleGrant     `json:"grants"`
	Events     []any             `json:"events"`
	Turns      []bundleTurn      `json:"turns"`
	PQChains   []bundlePQChain   `json:"pq_chains"`
	Custody    *bundleCustody    `json:"custody,omitempty"`
}

type bundlePrincipal struct {
	ID      string `json:"id"`
	Role    string `json:"role"`
	Quantum bool   `json:"quantum,omitempty"`
	Sees    string `json:"sees,omitempty"`
	SameAs  string `json:"same_as,omitempty"`

	Seen   []int    `json:"seen,omitempty"`   // if it sees a part: messages
	Others []string `json:"others,omitempty"` // and the ends of which it sees what has no number
}

type bundleGrant struct {
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

type bundleTurn struct {
	Session string `json:"session"`
	Key     string `json:"key"`
	Against string `json:"against,omitempty"`
	Last    uint32 `json:"last"`
}

type bundlePQChain struct {
	Session string `json:"session"`
	Epoch   uint64 `json:"epoch"`
	Dir     uint8  `json:"dir"`
	Last    uint32 `json:"last"`
}

type bundlePreKey struct {
	ID        uint32 `json:"id"`
	Key       string `json:"key"`
	Public    string `json:"public,omitempty"`    // of a KEM prekey
	Signature string `json:"signature,omitempty"` // of a signed prekey or KEM prekey
}

type bundleDirectory struct {
	At            int           `json:"at"`
	Kind          string        `json:"kind"`
	Of            string        `json:"of"`
	Identity      string        `json:"identity"`
	SignedPreKey  bundlePreKey  `json:"signed_prekey"`
	OneTimePreKey *bundlePreKey `json:"one_time_prekey,omitempty"`
	KEMPreKey     *bundlePreKey `json:"kem_prekey,omitempty"`
}

type bundleMessage struct {
	At          int    `json:"at"`
	Kind        string `json:"kind"`
	Number      int    `json:"number"`
	From        string `json:"from"`
	By          string `json:"by,omitempty"`
	Session     string `json:"session"`
	PreKey      bool   `json:"prekey"`
	Body        string `json:"body"`
	Delivered   bool   `json:"delivered"`
	DeliveredAt int    `json:"delivered_at"`
	Time        int64  `json:"time,omitempty"`
}

type bundleParcel struct {
	At    int    `json:"at"`
	Kind  string `json:"kind"`
	To    string `json:"to"`
	From  string `json:"from"`
	Grant string `json:"grant,omitempty"`
	File  string `json:"file"`
}

type bundleInjection struct {
	Step int    `json:"step"`
	By   string `json:"by"`
}

type bundleProbe struct {
	At        int              `json:"at"`
	Kind      string           `json:"kind"`
	Number    int              `json:"number"`
	To        string           `json:"to"`
	Message   int              `json:"message"`
	Injection *bundleInjection `json:"injection,omitempty"`
	Takes     []bundleWay      `json:"takes"`
}

type bundlePQIndex struct {
	Epoch uint64 `json:"epoch"`
	Dir   uint8  `json:"dir"`
	Index uint32 `json:"index"`
}

type bundleWay struct {
	Session  string          `json:"session,omitempty"`
	Key      string          `json:"key,omitempty"`
	Root     bool            `json:"root,omitempty"`
	Next     uint32          `json:"next,omitempty"`
	Skipped  []uint32        `json:"skipped,omitempty"`
	First    bool            `json:"first,omitempty"`
	Sender   string          `json:"sender,omitempty"`
	PreKey   string          `json:"prekey,omitempty"`
	PQ       bool            `json:"pq,omitempty"`
	Keyless  bool            `json:"keyless,omitempty"`
	PQKeys   []bundlePQIndex `json:"pq_keys,omitempty"`
	PQChains []bundlePQIndex `json:"pq_chains,omitempty"`
}

type bundleEvidence struct {
	Certificates []bundleCertificate `json:"certificates"`
	Readings     []bundleReading     `json:"readings"`
	Forgeries    []bundleForgery     `json:"forgeries"`
	Sessions     []bundleForgery     `json:"sessions"`
	Observations []bundleObservation `json:"observations"`
	Collisions   []bundleCollision   `json:"collisions"`

	Notices        []bundleNotice        `json:"notices,omitempty"`
	Contradictions []bundleContradiction `json:"contradictions,omitempty"`
}

type bundleObservation struct {
	ID        string `json:"id"`
	Principal string `json:"principal"`
}

type bundleCollision struct {
	ID        string `json:"id"`
	Principal string `json:"principal"`
	Event     int    `json:"event"`
	Message   int    `json:"message"`
}

type bundleCertificate struct {
	ID        string `json:"id"`
	Principal string `json:"principal"`
	Quantum   bool   `json:"quantum"`
}

type bundleKeys struct {
	Cipher   string `json:"cipher"`
	MAC      string `json:"mac"`
	IV       string `json:"iv"`
	Sender   string `json:"sender"`
	Receiver string `json:"receiver"`
}

type bundleReading struct {
	ID         string      `json:"id"`
	Principal  string      `json:"principal"`
	Quantum    bool        `json:"quantum"`
	Message    int         `json:"message"`
	Keys       *bundleKeys `json:"keys,omitempty"`
	TextSHA256 string      `json:"text_sha256"`
}

type bundleForgery struct {
	ID         string      `json:"id"`
	Principal  string      `json:"principal"`
	Probe      int         `json:"probe"`
	Strategy   string      `json:"strategy"`
	PreKey     bool        `json:"prekey"`
	Body       string      `json:"body"`
	Keys       *bundleKeys `json:"keys"`
	TextSHA256 string      `json:"text_sha256"`
}
