package incmac_test

import (
	"bytes"
	"fmt"
	"io"
	"log"

	"signet.example/signet/incmac"
)

func Example() {
	key, video := []byte("a key of the attachment"), bytes.Repeat([]byte("frame "), 50_000)
	chunk := incmac.ChunkSize(uint64(len(video)))

	d, err := incmac.NewDigester(key, chunk) // the sender
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, io.TeeReader(bytes.NewReader(video), d)); err != nil { // the upload
		log.Fatal(err)
	}

	video[200_000] ^= 1 // on the way
	r, err := incmac.NewReader(bytes.NewReader(video), key, chunk, d.Digest())
	if err != nil {
		log.Fatal(err)
	}
	played, err := io.ReadAll(r)
	fmt.Println(len(played), err)
	// Output: 196608 incmac: corrupted input data
}
