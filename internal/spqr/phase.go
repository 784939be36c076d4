package spqr

// A Phase is a state of the braid (spqr §11.1). Its number is that of the field of the stored state
// that holds it.
type Phase uint8

const (
	KeysUnsampled        Phase = 1 + iota // to make a key pair with the next send
	KeysSampled                           // sending the header
	HeaderSent                            // sending the vector, receiving ct1
	Ct1Received                           // sending the vector and that ct1 is complete
	EkSentCt1Received                     // receiving ct2
	NoHeaderReceived                      // receiving the header
	HeaderReceived                        // to encapsulate with the next send
	Ct1Sampled                            // sending ct1, receiving the vector
	EkReceivedCt1Sampled                  // sending ct1, the vector is complete
	Ct1Acknowledged                       // receiving the vector, ct1 is complete there
	Ct2Sampled                            // sending ct2
)

// String returns the phase's name in the specification; of the zero Phase, "Off".
func (p Phase) String() string {
	if int(p) >= len(phases) {
		return "Phase(?)"
	}
	return phases[p].name
}

// A part is a piece of KEM material that a phase holds.
type part uint8

const (
	partHdr part = iota
	partEk
	partDk
	partEs
	partCt1
	parts // how many there are
)

// The sizes of what travels in chunks, in bytes: with their MACs, the header and ct2.
const (
	sizeHdr = 64
	sizeEk  = 1152
	sizeDk  = 2400
	sizeEs  = 2080
	sizeCt1 = 960
	sizeCt2 = 128

	sealedHdr = sizeHdr + macSize
	sealedCt2 = sizeCt2 + macSize
)

var partSizes = [parts]int{partHdr: sizeHdr, partEk: sizeEk, partDk: sizeDk, partEs: sizeEs, partCt1: sizeCt1}

// A kindSet has bit k set for each kind k in it.
type kindSet uint8

// A coder is an encoder or a decoder of a phase: the field that it is stored in, and the size in
// bytes of what it codes. The zero coder is none.
type coder struct{ field, size int }

// phases is the table of spqr §11.1 and §14, and of what is sent and heeded (§11.2, §11.3).
// Whatever is not in the row of a phase is not written with it, so that nothing outlives its phase
// by being forgotten. KeysUnsampled and HeaderReceived send nothing: they are left by sending.
var phases = [...]struct {
	name    string
	sends   kind
	hears   kindSet
	holds   []part // in fields 3, 4 and 5 of the inner message
	encodes coder
	decodes coder
}{
	0:                    {name: "Off"},
	KeysUnsampled:        {name: "KeysUnsampled"},
	KeysSampled:          {"KeysSampled", kindHdr, 1 << kindCt1, []part{partEk, partDk}, coder{2, sealedHdr}, coder{}},
	HeaderSent:           {"HeaderSent", kindEk, 1 << kindCt1, []part{partDk}, coder{2, sizeEk}, coder{3, sizeCt1}},
	Ct1Received:          {"Ct1Received", kindEkCt1Ack, 1 << kindCt2, []part{partDk, partCt1}, coder{2, sizeEk}, coder{}},
	EkSentCt1Received:    {"EkSentCt1Received", kindCt1Ack, 1 << kindCt2, []part{partDk, partCt1}, coder{}, coder{3, sealedCt2}},
	NoHeaderReceived:     {"NoHeaderReceived", kindNone, 1 << kindHdr, nil, coder{}, coder{2, sealedHdr}},
	HeaderReceived:       {"HeaderReceived", kindNone, 0, []part{partHdr}, coder{}, coder{2, sizeEk}},
	Ct1Sampled:           {"Ct1Sampled", kindCt1, 1<<kindEk | 1<<kindEkCt1Ack, []part{partHdr, partEs, partCt1}, coder{2, sizeCt1}, coder{3, sizeEk}},
	EkReceivedCt1Sampled: {"EkReceivedCt1Sampled", kindCt1, 1<<kindEkCt1Ack | 1<<kindCt1Ack, []part{partEs, partEk, partCt1}, coder{2, sizeCt1}, coder{}},
	Ct1Acknowledged:      {"Ct1Acknowledged", kindNone, 1<<kindEk | 1<<kindEkCt1Ack, []part{partHdr, partEs, partCt1}, coder{}, coder{2, sizeEk}},
	Ct2Sampled:           {"Ct2Sampled", kindCt2, 0, nil, coder{2, sealedCt2}, coder{}},
}
