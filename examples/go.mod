module signet.example/signet/examples

go 1.26
