module signet.example/signet/examples

go 1.26

require signet.example/signet v0.0.0

replace signet.example/signet => ../
