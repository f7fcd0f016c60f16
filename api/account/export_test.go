package account

// Pieces that tests look at alone.
var (
	TokenHash     = tokenHash
	HashPassword  = hashPassword
	CheckPassword = checkPassword
	Origin        = origin
)
