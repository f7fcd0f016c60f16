package account

import (
	"sluice/api/rpc"
)

// reason is why a session is not valid, as INVALID_KS tells it.
type reason struct{ code, text string }

var (
	invalidString = reason{"-1", "INVALID_STR"}
	invalidType   = reason{"-4", "INVALID_TYPE"}
	expired       = reason{"-5", "EXPIRED"}
	logout        = reason{"-6", "LOGOUT"}
	actionsLimit  = reason{"-8", "EXCEEDED_ACTIONS_LIMIT"}
	restrictedIP  = reason{"-9", "EXCEEDED_RESTRICTED_IP"}
	restrictedURI = reason{"-11", "EXCEEDED_RESTRICTED_URI"}
)

// maxEcho bounds what an exception repeats of a token that is none, in bytes.
const maxEcho = 4 << 10

// unreadable refuses a text that is no token of ours; the exception repeats it.
func unreadable(token string) *rpc.Error {
	return rpc.E("INVALID_KS", "KSID", token[:min(len(token), maxEcho)], "ERR_CODE", invalidString.code, "ERR_DESC", invalidString.text)
}

// invalid refuses a session that was read; the exception names the reason in place of the token.
func invalid(why reason) *rpc.Error {
	id := why.text
	if why == invalidType {
		id = ""
	}
	return rpc.E("INVALID_KS", "KSID", id, "ERR_CODE", why.code, "ERR_DESC", why.text)
}
