module signet.example/signet/bench

go 1.26

require (
	github.com/stretchr/testify v1.12.1 // indirect
	go.mau.fi/libsignal v0.2.1 // indirect
)
