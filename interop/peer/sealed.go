package main

import (
	"context"
	"errors"
	"time"

	"signet.example/signet"
	"signet.example/signet/sealed"
)

// An authority is a trust root, and a server that it certified.
type authority struct {
	root, server *signet.PrivateKey
	cert         *sealed.ServerCertificate
}

func trustRoot(p *peer, _ context.Context, a *args) (answer, error) {
	name, id := a.text("root"), a.uint32Or("keyId", 1)
	if a.err != nil {
		return nil, a.err
	}
	made := &authority{root: signet.GenerateKey(), server: signet.GenerateKey()}
	var err error
	if made.cert, err = sealed.NewServerCertificate(made.root, id, made.server.PublicKey()); err != nil {
		return nil, err
	}
	p.authorities[name] = made
	return answer{
		"root":          made.root.PublicKey().Bytes(),
		"rootPrivate":   made.root.Bytes(),
		"server":        made.cert.Bytes(),
		"serverPrivate": made.server.Bytes(),
	}, nil
}

// trust returns what the request believes: a root made here by its name, or one made elsewhere by
// its public key.
func (p *peer) trust(a *args) sealed.Trust {
	if made, ok := p.authorities[a.text("root")]; ok {
		return sealed.Trust{Roots: []signet.PublicKey{made.root.PublicKey()}}
	}
	return sealed.Trust{Roots: []signet.PublicKey{a.publicKey("root")}}
}

func (a *args) certificate() *sealed.SenderCertificate {
	b := a.bytes("cert")
	if a.err != nil {
		return nil
	}
	c, err := sealed.ParseSenderCertificate(b)
	a.err = err
	return c
}

func senderCert(p *peer, _ context.Context, a *args) (answer, error) {
	made, ok := p.authorities[a.text("root")]
	if !ok {
		a.fail("root: unknown")
	}
	claim := sealed.Claim{
		Sender: a.self(), E164: a.e164(), Key: a.publicKey("identity"), Expires: a.time("expiration"),
	}
	if a.err != nil {
		return nil, a.err
	}
	c, err := sealed.NewSenderCertificate(made.cert, made.server, claim)
	if err != nil {
		return nil, err
	}
	return answer{"cert": c.Bytes()}, nil
}

func checkCert(p *peer, _ context.Context, a *args) (answer, error) {
	c, trust, now := a.certificate(), p.trust(a), a.time("now")
	if a.err != nil {
		return nil, a.err
	}
	err := trust.Check(c, now)
	if err != nil && !errors.Is(err, sealed.ErrInvalidCertificate) {
		return nil, err
	}
	return answer{"valid": err == nil}, nil
}

func seal(p *peer, ctx context.Context, a *args) (answer, error) {
	d, to, plaintext, cert := p.device(a), a.address("to"), a.bytes("plaintext"), a.certificate()
	if a.err != nil {
		return nil, a.err
	}
	sender, err := sealed.NewSender(d.Device, cert, nil)
	if err != nil {
		return nil, err
	}
	m, err := sender.SealOne(ctx, to, plaintext)
	return answer{"message": m}, err
}

func unseal(p *peer, ctx context.Context, a *args) (answer, error) {
	d, message, trust, now, e164 := p.device(a), a.bytes("message"), p.trust(a), a.time("now"), a.e164()
	if a.err != nil {
		return nil, a.err
	}
	opts := &sealed.Options{Now: func() time.Time { return now }}
	if e164 != nil {
		opts.E164 = *e164
	}
	from, plaintext, err := sealed.NewReceiver(d.Device, trust, opts).Open(ctx, message)
	return answer{"plaintext": text(plaintext), "uuid": from.Name, "deviceId": from.Device}, err
}

func unsealUsmc(p *peer, _ context.Context, a *args) (answer, error) {
	d, message := p.device(a), a.bytes("message")
	if a.err != nil {
		return nil, a.err
	}
	c, err := sealed.OpenContent(d.identity, message)
	if err != nil {
		return nil, err
	}
	return answer{
		"contents": text(c.Message().Body),
		"type":     uint8(c.Type()),
		"cert":     c.Certificate().Bytes(),
		"hint":     uint32(c.Hint()),
		"groupId":  c.GroupID(),
	}, nil
}

func sealMulti(p *peer, ctx context.Context, a *args) (answer, error) {
	d, plaintext, cert, to := p.device(a), a.bytes("plaintext"), a.certificate(), a.addresses("to")
	details := &sealed.Details{Hint: sealed.ContentHint(a.uint32Or("hint", 0))}
	if a.has("groupId") {
		details.GroupID = a.bytes("groupId")
	}
	if a.has("excluded") {
		a.read("excluded", &details.Excluded)
	}
	channel := d.channel(a)
	if a.err != nil {
		return nil, a.err
	}
	sender, err := sealed.NewSender(d.Device, cert, channel)
	if err != nil {
		return nil, err
	}
	m, err := sender.SealTo(ctx, to, plaintext, details, nil)
	return answer{"message": m}, err
}

func splitMulti(_ *peer, _ context.Context, a *args) (answer, error) {
	message := a.bytes("message")
	if a.err != nil {
		return nil, a.err
	}
	upload, err := sealed.ParseUpload(message)
	if err != nil {
		return nil, err
	}
	recipients := make(answer)
	for _, r := range upload.Recipients() {
		if r.Excluded() {
			continue
		}
		var devices, registrations []uint32
		for _, d := range r.Devices {
			devices, registrations = append(devices, d.ID), append(registrations, d.RegistrationID)
		}
		recipients[r.Name] = answer{
			"deviceIds": devices, "registrationIds": registrations, "message": upload.AppendReceived(nil, &r),
		}
	}
	return answer{"recipients": recipients}, nil
}

// time reads a moment in milliseconds since 1970.
func (a *args) time(name string) time.Time {
	var ms int64
	if a.read(name, &ms) && ms < 0 {
		a.fail("%s: out of range", name)
	}
	return time.UnixMilli(ms)
}

// e164 reads a telephone number, nil if there is none.
func (a *args) e164() *string {
	if !a.has("e164") {
		return nil
	}
	s := a.text("e164")
	return &s
}
