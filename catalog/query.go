package catalog

// Op is how a condition compares a field.
type Op string

// Operators of conditions. Texts are compared without case where it says so; Match operators look for whole tokens of a
// comma list, MultiLike for substrings without case.
const (
	OpEq             Op = "eq"
	OpNot            Op = "not"
	OpIn             Op = "in"
	OpNotIn          Op = "notin"
	OpGTE            Op = "gte"
	OpLTE            Op = "lte"
	OpGT             Op = "gt"
	OpLT             Op = "lt"
	OpGTEOrNull      Op = "gteornull"
	OpLTEOrNull      Op = "lteornull"
	OpLike           Op = "like"
	OpStartsWith     Op = "likex"
	OpMultiLikeOr    Op = "mlikeor"
	OpMultiLikeAndOp    = "mlikeand"
	OpMatchOr        Op = "matchor"
	OpMatchAnd       Op = "matchand"
	OpNotContains    Op = "notcontains"
	OpEmpty          Op = "empty"
)

// Cond is one condition on a noun's field, named as on the wire (createdAt, referenceId). Values are int64, float64 or
// string; operators other than In, NotIn, MultiLike and Match have one.
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

// Query selects a page of a noun's rows: all conditions hold.
type Query struct {
	Conds  []Cond
	Order  []Order
	Offset int
	Limit  int
}
