package kaltura

import (
	"encoding/json"

	"sluice/api/rpc"
	"sluice/catalog"
)

var (
	cuePointTypes = rpc.NewEnum("KalturaCuePointType", "AD=adCuePoint.Ad ANNOTATION=annotation.Annotation CODE=codeCuePoint.Code EVENT=eventCuePoint.Event "+
		"QUIZ_ANSWER=quiz.QUIZ_ANSWER QUIZ_QUESTION=quiz.QUIZ_QUESTION SESSION=sessionCuePoint.Session THUMB=thumbCuePoint.Thumb")
	cuePointStatuses = rpc.NewEnum("KalturaCuePointStatus", "READY=1 DELETED=2 HANDLED=3 PENDING=4")
	thumbSubTypes    = rpc.NewEnum("KalturaThumbCuePointSubType", "SLIDE=1 CHAPTER=2")
)

// Enums of cue points.
type (
	CuePointType         string
	CuePointStatus       int
	ThumbCuePointSubType int
)

// Enum implements rpc.Enumerated, here and below.
func (CuePointType) Enum() *rpc.Enum { return cuePointTypes }

func (CuePointStatus) Enum() *rpc.Enum       { return cuePointStatuses }
func (ThumbCuePointSubType) Enum() *rpc.Enum { return thumbSubTypes }

// CuePoint is what all cue points have (§5.11 of the API contract). Times are milliseconds.
type CuePoint struct {
	rpc.Object
	ID               *string         `k:"id,ro" f:"eq,in"`
	IntID            *int64          `k:"intId,ro" f:"order"`
	CuePointType     *CuePointType   `k:"cuePointType,ro" f:"eq,in"`
	Status           *CuePointStatus `k:"status,ro" f:"eq,in"`
	EntryID          *string         `k:"entryId,io" f:"eq,in"`
	PartnerID        *int64          `k:"partnerId,ro"`
	CreatedAt        *rpc.Time       `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt        *rpc.Time       `k:"updatedAt,ro" f:"gte,lte,order"`
	TriggeredAt      *rpc.Time       `k:"triggeredAt" f:"gte,lte,order"`
	Tags             *string         `k:"tags" f:"like,mlikeor,mlikeand"`
	StartTime        *int64          `k:"startTime,min=0" f:"gte,lte,order"`
	UserID           *string         `k:"userId" f:"eq,in"`
	PartnerData      *string         `k:"partnerData"`
	PartnerSortValue *int64          `k:"partnerSortValue" f:"eq,in,gte,lte,order"`
	ForceStop        *int            `k:"forceStop"`
	ThumbOffset      *int64          `k:"thumbOffset"`
	SystemName       *string         `k:"systemName,max=120" f:"eq,in"`
	IsMomentary      *rpc.NullBool   `k:"isMomentary,ro"`
	CopiedFrom       *string         `k:"copiedFrom,ro"`
}

// AnyCuePoint is any class of cue point.
type AnyCuePoint interface {
	rpc.Class
	// Base is the part that all classes have.
	Base() *CuePoint
	// Type is the type on the wire.
	Type() string
	// End is the end of a span, if the class has one: milliseconds.
	End() *int64
	// ParentID is the cue point it belongs to, if the class has one.
	ParentID() *string
	// Keep adds the class's own fields to what is stored, and Show takes them from it.
	Keep(m *MoreCuePoint)
	Show(m *MoreCuePoint, p catalog.CuePoint)
}

// MoreCuePoint is what is stored of the fields that not all classes have.
type MoreCuePoint struct {
	PartnerData  *string `json:"partnerData,omitempty"`
	ForceStop    *int    `json:"forceStop,omitempty"`
	ThumbOffset  *int64  `json:"thumbOffset,omitempty"`
	CopiedFrom   *string `json:"copiedFrom,omitempty"`
	AssetID      *string `json:"assetId,omitempty"`
	Title        *string `json:"title,omitempty"`
	Description  *string `json:"description,omitempty"`
	SubType      *int    `json:"subType,omitempty"`
	Code         *string `json:"code,omitempty"`
	Text         *string `json:"text,omitempty"`
	IsPublic     *int    `json:"isPublic,omitempty"`
	Searchable   *int    `json:"searchableOnEntry,omitempty"`
	ProtocolType *string `json:"protocolType,omitempty"`
	SourceURL    *string `json:"sourceUrl,omitempty"`
	AdType       *string `json:"adType,omitempty"`
	EventType    *string `json:"eventType,omitempty"`
}

// Base implements AnyCuePoint, as the methods below do for classes that have nothing of the kind.
func (c *CuePoint) Base() *CuePoint { return c }

// Type implements AnyCuePoint.
func (c *CuePoint) Type() string { return "" }

// End implements AnyCuePoint.
func (c *CuePoint) End() *int64 { return nil }

// ParentID implements AnyCuePoint.
func (c *CuePoint) ParentID() *string { return nil }

// Keep implements AnyCuePoint.
func (c *CuePoint) Keep(*MoreCuePoint) {}

// Show implements AnyCuePoint.
func (c *CuePoint) Show(*MoreCuePoint, catalog.CuePoint) {}

// ThumbCuePoint is a slide or a chapter.
type ThumbCuePoint struct {
	CuePoint
	AssetID     *string               `k:"assetId"`
	Description *string               `k:"description"`
	Title       *string               `k:"title"`
	SubType     *ThumbCuePointSubType `k:"subType"`
}

// Type implements AnyCuePoint.
func (c *ThumbCuePoint) Type() string { return "thumbCuePoint.Thumb" }

// Keep implements AnyCuePoint.
func (c *ThumbCuePoint) Keep(m *MoreCuePoint) {
	hold(&m.AssetID, c.AssetID, c.Cleared("assetId"))
	hold(&m.Description, c.Description, c.Cleared("description"))
	hold(&m.Title, c.Title, c.Cleared("title"))
	if c.SubType != nil {
		m.SubType = new(int(*c.SubType))
	}
}

// Show implements AnyCuePoint.
func (c *ThumbCuePoint) Show(m *MoreCuePoint, _ catalog.CuePoint) {
	c.AssetID, c.Description, c.Title = m.AssetID, m.Description, m.Title
	if m.SubType != nil {
		c.SubType = new(ThumbCuePointSubType(*m.SubType))
	}
}

// CodeCuePoint carries a code for programs.
type CodeCuePoint struct {
	CuePoint
	Code        *string `k:"code"`
	Description *string `k:"description"`
	EndTime     *int64  `k:"endTime,min=0" f:"gte,lte,order"`
	Duration    *int64  `k:"duration,ro"`
}

// Type implements AnyCuePoint.
func (c *CodeCuePoint) Type() string { return "codeCuePoint.Code" }

// End implements AnyCuePoint.
func (c *CodeCuePoint) End() *int64 { return c.EndTime }

// Keep implements AnyCuePoint.
func (c *CodeCuePoint) Keep(m *MoreCuePoint) {
	hold(&m.Code, c.Code, c.Cleared("code"))
	hold(&m.Description, c.Description, c.Cleared("description"))
}

// Show implements AnyCuePoint.
func (c *CodeCuePoint) Show(m *MoreCuePoint, p catalog.CuePoint) {
	c.Code, c.Description = m.Code, m.Description
	c.EndTime, c.Duration = span(p)
}

// span is a cue point's end and length; nil for a moment.
func span(p catalog.CuePoint) (end, duration *int64) {
	if p.EndMS == 0 {
		return nil, nil
	}
	return new(p.EndMS), new(p.EndMS - p.StartMS)
}

// Annotation is a note, which may answer another.
type Annotation struct {
	CuePoint
	Parent            *string       `k:"parentId,io" f:"eq,in"`
	Text              *string       `k:"text"`
	EndTime           *int64        `k:"endTime,min=0" f:"gte,lte,order"`
	Duration          *int64        `k:"duration,ro"`
	IsPublic          *rpc.NullBool `k:"isPublic"`
	SearchableOnEntry *rpc.NullBool `k:"searchableOnEntry"`
	// What answers it, which CuePointOf does not know.
	Depth               *int `k:"depth,ro"`
	ChildrenCount       *int `k:"childrenCount,ro"`
	DirectChildrenCount *int `k:"directChildrenCount,ro"`
}

// Type implements AnyCuePoint.
func (c *Annotation) Type() string { return "annotation.Annotation" }

// End implements AnyCuePoint.
func (c *Annotation) End() *int64 { return c.EndTime }

// ParentID implements AnyCuePoint.
func (c *Annotation) ParentID() *string { return c.Parent }

// Keep implements AnyCuePoint.
func (c *Annotation) Keep(m *MoreCuePoint) {
	hold(&m.Text, c.Text, c.Cleared("text"))
	if c.IsPublic != nil {
		m.IsPublic = new(int(*c.IsPublic))
	}
	if c.SearchableOnEntry != nil {
		m.Searchable = new(int(*c.SearchableOnEntry))
	}
}

// Show implements AnyCuePoint.
func (c *Annotation) Show(m *MoreCuePoint, p catalog.CuePoint) {
	c.Text, c.Parent = m.Text, Opt(p.Parent)
	c.EndTime, c.Duration = span(p)
	if m.IsPublic != nil {
		c.IsPublic = new(rpc.NullBool(*m.IsPublic))
	}
	if m.Searchable != nil {
		c.SearchableOnEntry = new(rpc.NullBool(*m.Searchable))
	}
}

// AdCuePoint is where an advertisement belongs.
type AdCuePoint struct {
	CuePoint
	ProtocolType *string `k:"protocolType,io"`
	SourceURL    *string `k:"sourceUrl"`
	AdType       *string `k:"adType"`
	Title        *string `k:"title"`
	EndTime      *int64  `k:"endTime,min=0" f:"gte,lte,order"`
	Duration     *int64  `k:"duration,min=0"`
}

// Type implements AnyCuePoint.
func (c *AdCuePoint) Type() string { return "adCuePoint.Ad" }

// End implements AnyCuePoint.
func (c *AdCuePoint) End() *int64 { return c.EndTime }

// lasts is how long it was said to last, for one whose end was not given.
func (c *AdCuePoint) lasts() *int64 {
	if c.EndTime != nil {
		return nil
	}
	return c.Duration
}

// Keep implements AnyCuePoint.
func (c *AdCuePoint) Keep(m *MoreCuePoint) {
	hold(&m.ProtocolType, c.ProtocolType, false)
	hold(&m.SourceURL, c.SourceURL, c.Cleared("sourceUrl"))
	hold(&m.AdType, c.AdType, c.Cleared("adType"))
	hold(&m.Title, c.Title, c.Cleared("title"))
}

// Show implements AnyCuePoint.
func (c *AdCuePoint) Show(m *MoreCuePoint, p catalog.CuePoint) {
	c.ProtocolType, c.SourceURL, c.AdType, c.Title = m.ProtocolType, m.SourceURL, m.AdType, m.Title
	c.EndTime, c.Duration = span(p)
}

// EventCuePoint marks that something happened.
type EventCuePoint struct {
	CuePoint
	EventType *string `k:"eventType"`
}

// Type implements AnyCuePoint.
func (c *EventCuePoint) Type() string { return "eventCuePoint.Event" }

// Keep implements AnyCuePoint.
func (c *EventCuePoint) Keep(m *MoreCuePoint) {
	hold(&m.EventType, c.EventType, c.Cleared("eventType"))
}

// Show implements AnyCuePoint.
func (c *EventCuePoint) Show(m *MoreCuePoint, _ catalog.CuePoint) { c.EventType = m.EventType }

// CuePointOf is a cue point as the class of its type.
func CuePointOf(p catalog.CuePoint) AnyCuePoint {
	var m MoreCuePoint
	if len(p.More) > 0 {
		_ = json.Unmarshal(p.More, &m) // written by ApplyCuePoint
	}
	base := CuePoint{
		ID: new(p.ID), IntID: new(p.Num), CuePointType: new(CuePointType(p.Type)), Status: new(CuePointStatus(p.Status)), EntryID: new(string(p.Entry)),
		PartnerID: new(int64(p.Account)), CreatedAt: At(p.CreatedAt.Time()), UpdatedAt: At(p.UpdatedAt.Time()), TriggeredAt: At(p.Triggered.Time()),
		Tags: Opt(p.Tags), StartTime: new(p.StartMS), UserID: Opt(p.User), PartnerSortValue: Opt(p.SortValue), SystemName: Opt(p.SystemName),
		PartnerData: m.PartnerData, ForceStop: m.ForceStop, ThumbOffset: m.ThumbOffset, CopiedFrom: m.CopiedFrom, IsMomentary: Bool(p.EndMS == 0),
	}
	var c AnyCuePoint
	switch p.Type {
	case "thumbCuePoint.Thumb":
		c = &ThumbCuePoint{CuePoint: base}
	case "codeCuePoint.Code":
		c = &CodeCuePoint{CuePoint: base}
	case "adCuePoint.Ad":
		c = &AdCuePoint{CuePoint: base}
	case "eventCuePoint.Event":
		c = &EventCuePoint{CuePoint: base}
	default:
		c = &Annotation{CuePoint: base}
	}
	c.Show(&m, p)
	return c
}

// ApplyCuePoint sets on p what a request says of it, save the entry.
func ApplyCuePoint(c AnyCuePoint, p *catalog.CuePoint) error {
	b := c.Base()
	set(&p.Tags, b.Tags, b.Cleared("tags"))
	set(&p.StartMS, b.StartTime, false)
	set(&p.User, b.UserID, false)
	set(&p.SortValue, b.PartnerSortValue, b.Cleared("partnerSortValue"))
	set(&p.SystemName, b.SystemName, b.Cleared("systemName"))
	set(&p.EndMS, c.End(), b.Cleared("endTime"))
	if ad, ok := c.(*AdCuePoint); ok && ad.lasts() != nil {
		p.EndMS = p.StartMS + *ad.lasts()
	}
	set(&p.Parent, c.ParentID(), false)
	if b.TriggeredAt != nil {
		p.Triggered = catalog.StampOf(Moment(b.TriggeredAt))
	}
	var m MoreCuePoint
	if len(p.More) > 0 {
		if err := json.Unmarshal(p.More, &m); err != nil {
			return err
		}
	}
	hold(&m.PartnerData, b.PartnerData, b.Cleared("partnerData"))
	hold(&m.ForceStop, b.ForceStop, b.Cleared("forceStop"))
	hold(&m.ThumbOffset, b.ThumbOffset, b.Cleared("thumbOffset"))
	c.Keep(&m)
	raw, err := json.Marshal(m)
	p.More = raw
	return err
}

// hold sets a stored field to what was sent, or to none when the request says so.
func hold[T any](dst **T, sent *T, cleared bool) {
	if sent != nil || cleared {
		*dst = sent
	}
}

// CloneCuePoint is p as a cue point of another entry, which remembers what it was made of.
func CloneCuePoint(p catalog.CuePoint, entry catalog.EntryID, user string) (catalog.CuePoint, error) {
	var m MoreCuePoint
	if len(p.More) > 0 {
		if err := json.Unmarshal(p.More, &m); err != nil {
			return p, err
		}
	}
	m.CopiedFrom = new(p.ID)
	raw, err := json.Marshal(m)
	p.Num, p.Entry, p.User, p.Parent, p.SystemName, p.More = 0, entry, user, "", "", raw
	return p, err
}
