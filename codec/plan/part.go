package plan

import (
	"fmt"

	"sluice/codec"
)

// isPart says whether the policy selects a part of the source.
func isPart(p codec.Policy) bool { return p.FromUS > 0 || p.LengthUS > 0 }

// cut makes the part that the policy selects the whole presentation. Nothing can be copied: a part begins anywhere.
func (src *sources) cut(info codec.Info, p *codec.Policy) error {
	streams := src.audio
	if src.video != nil {
		streams = []*codec.Stream{src.video}
	}
	var end int64
	for _, s := range streams {
		end = max(end, startUS(info, s)-src.originUS+streamDurationUS(info, s))
	}
	if src.still != nil || p.FromUS >= end {
		return fmt.Errorf("%w: the part begins at %d ms, the source lasts %d ms", ErrRequest, p.FromUS/1000, end/1000)
	}
	src.originUS += p.FromUS
	p.NoPassthrough = true
	return nil
}
