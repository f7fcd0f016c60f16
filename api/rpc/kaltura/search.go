package kaltura

import "sluice/api/rpc"

// The classes of advancedSearch. Filters take them as sent; what lists entries reads them.
type (
	SearchItem     struct{ rpc.Object }
	SearchOperator struct {
		SearchItem
		Type  *SearchOperatorType `k:"type"`
		Items []*SearchItem       `k:"items"`
	}
	// MetadataSearchItem combines conditions on the custom metadata of one profile.
	MetadataSearchItem struct {
		SearchOperator
		MetadataProfileID *int64  `k:"metadataProfileId"`
		OrderBy           *string `k:"orderBy"`
	}
	SearchCondition struct {
		SearchItem
		Field *string `k:"field"` // the XPath that metadataProfile.listFields tells
		Value *string `k:"value"`
	}
	SearchComparableCondition struct {
		SearchCondition
		Comparison *SearchConditionComparison `k:"comparison"`
	}
	SearchMatchCondition struct {
		SearchCondition
		Not *bool `k:"not"`
	}
)

// Enum types of advancedSearch.
type (
	SearchOperatorType        int
	SearchConditionComparison string
)

var (
	searchOperatorTypes = rpc.NewEnum("KalturaSearchOperatorType", "SEARCH_AND=1 SEARCH_OR=2")
	searchComparisons   = rpc.NewEnum("KalturaSearchConditionComparison",
		"EQUAL=1 GREATER_THAN=2 GREATER_THAN_OR_EQUAL=3 LESS_THAN=4 LESS_THAN_OR_EQUAL=5 NOT_EQUAL=6")
)

// Enum implements rpc.Enumerated, here and below.
func (SearchOperatorType) Enum() *rpc.Enum { return searchOperatorTypes }

func (SearchConditionComparison) Enum() *rpc.Enum { return searchComparisons }
