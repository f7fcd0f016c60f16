package gateway

// CheapHash is HashPassword for tests that log in often.
func CheapHash(password string) string { return argon(password, 1, 64) }
