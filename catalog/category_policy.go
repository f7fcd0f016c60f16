package catalog

import (
	"context"
	"encoding/json"
	"strings"
)

// CategoryPolicy is what a category's More says of who may do what in it.
type CategoryPolicy struct {
	Contexts []string // of privacy
	Privacy  int
	// Inherits says that its members are those of the category that it lies in.
	Inherits bool
	// Join is how users become members by themselves, and Default the level that they get.
	Join    int
	Default MemberLevel
	// MembersContribute says that contributors only, and those above them, add entries.
	MembersContribute bool
	// Moderated says that entries of those who are no moderators wait for one.
	Moderated bool
}

// Ways to join; the values are the wire's.
const (
	JoinAtOnce     = 1
	JoinByApproval = 2
	JoinNot        = 3
)

// Policy reads the category's policy.
func (c *Category) Policy() CategoryPolicy { return policyOf(c.More) }

func policyOf(wire json.RawMessage) CategoryPolicy {
	more := struct {
		Context      string      `json:"privacyContext"`
		Privacy      int         `json:"privacy"`
		Inheritance  int         `json:"inheritanceType"`
		Join         int         `json:"userJoinPolicy"`
		Default      MemberLevel `json:"defaultPermissionLevel"`
		Contribution int         `json:"contributionPolicy"`
		Moderation   int         `json:"moderation"`
	}{Privacy: PrivacyAll, Join: JoinNot, Default: LevelMember}
	if len(wire) > 0 {
		_ = json.Unmarshal(wire, &more) // written by the category service
	}
	p := CategoryPolicy{
		Privacy: more.Privacy, Inherits: more.Inheritance == 1, Join: more.Join, Default: more.Default,
		MembersContribute: more.Contribution == 2, Moderated: more.Moderation == 1,
	}
	if p.Privacy == 0 {
		p.Privacy = PrivacyAll
	}
	for _, c := range tokens(more.Context) {
		if c = strings.TrimSpace(c); c != "" {
			p.Contexts = append(p.Contexts, c)
		}
	}
	return p
}

// Contribution says whether a user may put entries into a category, and whether they then wait for a moderator.
func (db *DB) Contribution(ctx context.Context, c Category, user string) (allowed, moderated bool, err error) {
	p := c.Policy()
	if !p.MembersContribute && !p.Moderated {
		return true, false, nil
	}
	level, err := db.Level(ctx, c, user)
	return !p.MembersContribute || level <= LevelContributor, p.Moderated && level > LevelModerator, err
}
