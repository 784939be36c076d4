package main

import (
	"context"

	"signet.example/signet"
	"signet.example/signet/session"
	"signet.example/signet/session/memory"
	"signet.example/signet/x3dh"
)

// The versions that a device can begin sessions of.
const (
	protocolX3DH  = 3
	protocolPQXDH = 4
)

// A device is a session.Device with a store of its own in memory.
type device struct {
	*session.Device
	identity *signet.PrivateKey
	store    *memory.Store
	protocol uint32
}

// device returns the device of the request's handle.
func (p *peer) device(a *args) *device {
	h := a.text("h")
	d, ok := p.devices[h]
	if !ok {
		a.fail("h: no such device")
		return new(device) // not looked at: the request has failed
	}
	return d
}

func makeDevice(p *peer, ctx context.Context, a *args) (answer, error) {
	h, self := a.text("h"), a.self()
	protocol := a.uint32Or("protocol", protocolPQXDH)
	if protocol != protocolX3DH && protocol != protocolPQXDH {
		a.fail("protocol: neither 3 nor 4")
	}
	var identity *signet.PrivateKey
	if a.has("identity") {
		identity = a.privateKey("identity")
	} else {
		identity = signet.GenerateKey()
	}
	fixed := a.has("registrationId")
	registration := a.uint32Or("registrationId", 0)
	if a.err != nil {
		return nil, a.err
	}
	store := memory.New()
	d := session.NewDevice(self, identity, store, &session.Options{AllowX3DH: protocol == protocolX3DH})
	if fixed {
		if err := d.SetRegistrationID(ctx, registration); err != nil {
			return nil, err
		}
	}
	registration, err := d.RegistrationID(ctx)
	if err != nil {
		return nil, err
	}
	p.devices[h] = &device{d, identity, store, protocol}
	return answer{"identity": d.Identity().Bytes(), "registrationId": registration}, nil
}

func makeBundle(p *peer, ctx context.Context, a *args) (answer, error) {
	d, oneTime := p.device(a), a.boolOr("oneTime", true)
	if a.err != nil {
		return nil, a.err
	}
	n := 0
	if oneTime {
		n = 1
	}
	published, err := d.PreKeys(ctx, n)
	if err != nil {
		return nil, err
	}
	f := published.Next()
	out := answer{
		"registrationId":        f.RegistrationID,
		"deviceId":              f.DeviceID,
		"identity":              f.Identity.Bytes(),
		"signedPreKeyId":        f.SignedPreKey.ID,
		"signedPreKey":          f.SignedPreKey.Public.Bytes(),
		"signedPreKeySignature": f.SignedPreKey.Signature,
	}
	if d.protocol != protocolX3DH {
		out["kyberPreKeyId"] = f.KEMPreKey.ID
		out["kyberPreKey"] = f.KEMPreKey.Public
		out["kyberPreKeySignature"] = f.KEMPreKey.Signature
	}
	if f.PreKey != nil {
		out["preKeyId"], out["preKey"] = f.PreKey.ID, f.PreKey.Public.Bytes()
	}
	return out, nil
}

// parseBundle reads a bundle as a directory hands it out, nothing verified.
func parseBundle(a *args) (f x3dh.BundleFields) {
	f.RegistrationID, f.DeviceID = a.uint32("registrationId"), a.uint32("deviceId")
	f.Identity = a.publicKey("identity")
	f.SignedPreKey.ID = a.uint32("signedPreKeyId")
	f.SignedPreKey.Public = a.publicKey("signedPreKey")
	f.SignedPreKey.Signature = a.bytes("signedPreKeySignature")
	if a.has("preKey") != a.has("preKeyId") {
		a.fail("half a prekey")
	} else if a.has("preKey") {
		f.PreKey = &x3dh.PreKey{ID: a.uint32("preKeyId"), Public: a.publicKey("preKey")}
	}
	if a.has("kyberPreKey") {
		f.KEMPreKey = &x3dh.KEMPreKey{
			ID: a.uint32("kyberPreKeyId"), Public: a.bytes("kyberPreKey"), Signature: a.bytes("kyberPreKeySignature"),
		}
		if k := f.KEMPreKey.Public; a.err == nil && (len(k) != 1569 || k[0] != 8) {
			a.err = &failure{"invalid-key", "kyberPreKey: not a Kyber1024 key"}
		}
	}
	if a.err == nil && (f.DeviceID < 1 || f.DeviceID > signet.MaxDevice) {
		a.fail("deviceId: out of range")
	}
	return f
}

func process(p *peer, ctx context.Context, a *args) (answer, error) {
	d, to, o := p.device(a), a.address("to"), a.object("bundle")
	if a.err != nil {
		return nil, a.err
	}
	fields := parseBundle(o)
	if o.err != nil {
		return nil, o.err
	}
	if d.protocol == protocolX3DH {
		fields.KEMPreKey = nil // a device of that age does not know the field
	}
	b, err := x3dh.NewBundle(fields)
	if err != nil {
		return nil, err
	}
	return nil, d.Start(ctx, to, b)
}

func encrypt(p *peer, ctx context.Context, a *args) (answer, error) {
	d, to, plaintext := p.device(a), a.address("to"), a.bytes("plaintext")
	if a.err != nil {
		return nil, a.err
	}
	m, err := d.Encrypt(ctx, to, plaintext)
	return answer{"type": uint8(m.Type), "message": m.Body}, err
}

func decrypt(p *peer, ctx context.Context, a *args) (answer, error) {
	d, from, kind, body := p.device(a), a.address("from"), a.uint32("type"), a.bytes("message")
	if kind != uint32(session.TypeSignal) && kind != uint32(session.TypePreKey) {
		a.fail("type: neither 2 nor 3")
	}
	if a.err != nil {
		return nil, a.err
	}
	plaintext, err := d.Decrypt(ctx, from, session.Message{Type: session.MessageType(kind), Body: body})
	return answer{"plaintext": text(plaintext)}, err
}

// text is a plaintext in an answer: an empty one is an empty string, not null.
func text(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func archive(p *peer, ctx context.Context, a *args) (answer, error) {
	d, to := p.device(a), a.address("to")
	if a.err != nil {
		return nil, a.err
	}
	return nil, d.Archive(ctx, to)
}

func record(p *peer, ctx context.Context, a *args) (answer, error) {
	d, to := p.device(a), a.address("to")
	if a.err != nil {
		return nil, a.err
	}
	b, err := d.Record(ctx, to)
	return answer{"record": b}, err
}

func setRecord(p *peer, ctx context.Context, a *args) (answer, error) {
	d, to := p.device(a), a.address("to")
	var b []byte
	if string(a.fields["record"]) != "null" { // what session answers for no session
		b = a.bytes("record")
	}
	if a.err != nil {
		return nil, a.err
	}
	return nil, d.SetRecord(ctx, to, b)
}
