package inbox

import (
	"regexp"
	"strconv"
	"strings"

	"sluice/catalog"
)

var accountFolder = regexp.MustCompile(`^[1-9][0-9]{0,9}$`)

// accountOf returns the account whose folder, at the top of the inbox, holds rel.
func accountOf(rel string) (catalog.AccountID, bool) {
	top, _, below := strings.Cut(rel, "/")
	if !below || !accountFolder.MatchString(top) {
		return 0, false
	}
	id, err := strconv.ParseInt(top, 10, 64)
	return catalog.AccountID(id), err == nil
}
