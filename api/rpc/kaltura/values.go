package kaltura

import "sluice/api/rpc"

// String is a text in a list.
type String struct {
	rpc.Object
	Value *string `k:"value"`
}

// KeyValue is a pair of texts.
type KeyValue struct {
	rpc.Object
	Key   *string `k:"key"`
	Value *string `k:"value"`
}
