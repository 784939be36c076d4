package main

import (
	"context"
	"strings"

	"signet.example/signet/fingerprint"
)

func sign(_ *peer, _ context.Context, a *args) (answer, error) {
	key, message := a.privateKey("key"), a.bytes("message")
	if a.err != nil {
		return nil, a.err
	}
	signature, err := key.Sign(message)
	return answer{"signature": signature[:]}, err
}

func verify(_ *peer, _ context.Context, a *args) (answer, error) {
	key, message, signature := a.publicKey("key"), a.bytes("message"), a.bytes("signature")
	if a.err != nil {
		return nil, a.err
	}
	return answer{"valid": key.Verify(message, signature)}, nil
}

func agree(_ *peer, _ context.Context, a *args) (answer, error) {
	key, public := a.privateKey("key"), a.publicKey("public")
	if a.err != nil {
		return nil, a.err
	}
	shared, err := key.Agree(public)
	return answer{"secret": shared[:]}, err
}

// safetyNumber answers with the number without its spaces, and the code that is scanned.
func safetyNumber(_ *peer, _ context.Context, a *args) (answer, error) {
	local := fingerprint.Party{ID: string(a.bytes("localId")), Key: a.publicKey("localKey")}
	remote := fingerprint.Party{ID: string(a.bytes("remoteId")), Key: a.publicKey("remoteKey")}
	if a.err != nil {
		return nil, a.err
	}
	code := fingerprint.New(fingerprint.Accounts, local, remote)
	return answer{
		"display": strings.ReplaceAll(code.Number(), " ", ""),
		"scan":    code.Bytes(),
	}, nil
}
