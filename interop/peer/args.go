package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"signet.example/signet"
)

// args reads the fields of a request. The first field that is missing or of another type than it
// should be is kept in err, which an op looks at once, when it has read all that it needs.
type args struct {
	fields map[string]json.RawMessage
	err    error
}

// parseArgs never returns nil: a line that is no object has no fields.
func parseArgs(line []byte) (*args, error) {
	a := new(args)
	if err := json.Unmarshal(line, &a.fields); err != nil {
		a.fields = nil
		return a, invalidArgument("not a request: %v", err)
	}
	if a.fields == nil {
		return a, invalidArgument("not a request: not an object")
	}
	return a, nil
}

// has reports whether there is a field of this name. Null is none.
func (a *args) has(name string) bool {
	b, ok := a.fields[name]
	return ok && string(b) != "null"
}

func (a *args) fail(format string, v ...any) {
	if a.err == nil {
		a.err = invalidArgument(format, v...)
	}
}

// read decodes a field that must be there.
func (a *args) read(name string, into any) bool {
	if !a.has(name) {
		a.fail("%s: missing", name)
		return false
	}
	if err := json.Unmarshal(a.fields[name], into); err != nil {
		a.fail("%s: %v", name, err)
		return false
	}
	return true
}

func (a *args) text(name string) (s string) {
	a.read(name, &s)
	return s
}

func (a *args) uint32(name string) (n uint32) {
	a.read(name, &n)
	return n
}

func (a *args) uint32Or(name string, otherwise uint32) uint32 {
	if !a.has(name) {
		return otherwise
	}
	return a.uint32(name)
}

func (a *args) boolOr(name string, otherwise bool) (b bool) {
	if !a.has(name) {
		return otherwise
	}
	a.read(name, &b)
	return b
}

// bytes reads standard base64, of which only the canonical form is accepted.
func (a *args) bytes(name string) []byte {
	var s string
	if !a.read(name, &s) {
		return nil
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || base64.StdEncoding.EncodedLen(len(b)) != len(s) {
		a.fail("%s: not standard base64", name)
		return nil
	}
	return b
}

// object reads a nested object; what is wrong with it is an error of a.
func (a *args) object(name string) *args {
	o := new(args)
	if a.read(name, &o.fields) && o.fields == nil {
		a.fail("%s: not an object", name)
	}
	return o
}

// adopt makes the first error of a nested object an error of a.
func (a *args) adopt(name string, o *args) {
	if o.err != nil {
		a.fail("%s: %w", name, o.err)
	}
}

func (a *args) address(name string) signet.Address {
	o := a.object(name)
	address := o.self()
	a.adopt(name, o)
	return address
}

func (a *args) addresses(name string) (list []signet.Address) {
	var each []map[string]json.RawMessage
	a.read(name, &each)
	for _, fields := range each {
		o := &args{fields: fields}
		list = append(list, o.self())
		a.adopt(name, o)
	}
	return list
}

// self reads the two fields of an address that stand in the request itself.
func (a *args) self() signet.Address {
	address := signet.Address{Name: a.text("uuid"), Device: a.uint32("deviceId")}
	if err := address.Check(); err != nil {
		a.fail("%w", err)
	}
	return address
}

func (a *args) publicKey(name string) signet.PublicKey {
	b := a.bytes(name)
	if a.err != nil {
		return signet.PublicKey{}
	}
	k, err := signet.ParsePublicKey(b)
	a.keyError(name, err)
	return k
}

func (a *args) privateKey(name string) *signet.PrivateKey {
	b := a.bytes(name)
	if a.err != nil {
		return nil
	}
	k, err := signet.NewPrivateKey(b)
	a.keyError(name, err)
	return k
}

// keyError keeps what is wrong with a key: unlike other fields it has a word of its own.
func (a *args) keyError(name string, err error) {
	if err != nil && a.err == nil {
		a.err = fmt.Errorf("%s: %w", name, err)
	}
}
