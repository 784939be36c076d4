package ops

// boundary is what it costs to cross from JavaScript into the official client's native code, alone:
// a call that only reads a number, and an asynchronous one that asks the session store, finds
// nothing and fails. Each operation of official-node contains such crossings; an encryption has one
// asynchronous call and four answers of stores in it.
func (b *builder) boundary() {
	b.add("boundary-sync", "official client: a call into native code that reads a number", b.official("boundary-sync"))
	b.add("boundary-async", "official client: an encryption that finds no session and fails", b.official("boundary-async"))
}
