module signet.example/signet/store

go 1.26
