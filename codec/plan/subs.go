package plan

import (
	"fmt"
	"slices"

	"sluice/codec"
)

// planSubs lists the text subtitles that become WebVTT.
func (b *builder) planSubs() {
	if !b.req.Subs {
		return
	}
	for i, s := range b.src.subs {
		lang := firstOf(s.Language, "und")
		b.plan.Subs = append(b.plan.Subs, codec.SubPlan{
			Stream: s.Index, Name: fmt.Sprintf("s%d-%s", i, nameLanguage(lang)), Language: lang, Title: s.Title,
			Default:         s.Default,
			Forced:          s.Subtitle.Forced || slices.Contains(s.Disposition, "forced"),
			HearingImpaired: s.Subtitle.HearingImpaired || slices.Contains(s.Disposition, "hearing_impaired"),
		})
	}
}
