package gateway

// CheapHash is HashPassword for tests that log in often.
func CheapHash(password string) string { return argon(password, 1, 64) }

// PartName returns the path of a part's files, without their ends.
func PartName(rel string) string { return partName(rel) }
