module signet.example/signet/internal/conformance

go 1.26.4

require (
	filippo.io/edwards25519 v1.2.0
	github.com/c2sp/wycheproof v0.0.0-20260902155932-3fa63dd0344a
	github.com/stretchr/testify v1.12.1
	signet.example/signet v0.0.0
)

require (
	github.com/cloudflare/circl v1.6.5 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace signet.example/signet => ../../
