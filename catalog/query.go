package catalog

// Op is how a condition compares a field.
type Op string

// Operators of conditions. Like, StartsWith and MultiLike look for text without case, Like and MultiLike for any part of the
// field; Match operators look for whole tokens of a comma list, also without case. The others compare exactly.
const (
	OpEq           Op = "eq"
	OpNot          Op = "not"
	OpIn           Op = "in"
	OpNotIn        Op = "notin"
	OpGTE          Op = "gte"
	OpLTE          Op = "lte"
	OpGT           Op = "gt"
	OpLT           Op = "lt"
	OpGTEOrNull    Op = "gteornull"
	OpLTEOrNull    Op = "lteornull"
	OpLike         Op = "like"
	OpStartsWith   Op = "likex"
	OpMultiLikeOr  Op = "mlikeor"
	OpMultiLikeAnd Op = "mlikeand"
	OpMatchOr      Op = "matchor"
	OpMatchAnd     Op = "matchand"
	OpNotContains  Op = "notcontains"
	OpEmpty        Op = "empty"
)

// Cond is one condition on a noun's field, named as on the wire (createdAt, referenceId). Values are int64, float64 or
// string; operators other than In, NotIn, MultiLike, Match and NotContains have one. Times are in seconds.
type Cond struct {
	Field  string
	Op     Op
	Values []any
}

// Order sorts by a field, named as on the wire.
type Order struct {
	Field string
	Desc  bool
}

// Everything as a Query's Limit asks for all rows.
const Everything = -1

// Query selects a page of a noun's rows: all conditions hold. Without an order the newest come first.
type Query struct {
	Conds  []Cond
	Order  []Order
	Offset int
	// Limit is how many rows to return at most; 0 returns none and still counts them.
	Limit int
}
