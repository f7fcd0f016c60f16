package ks

// What the vectors need to choose the random part.
var (
	Fields = (*Session).fields
	SignV1 = sha1Hex
	MintV2 = mintV2
)
