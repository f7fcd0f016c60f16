package media

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/api/rpc/ks"
	"sluice/api/rpc/sources"
	"sluice/catalog"
)

// Playback tells players what they may play and where it is.
type Playback struct {
	Catalog  *catalog.DB
	Guard    *access.Guard
	Sessions rpc.Sessions
}

// Register adds the actions to the baseEntry service.
func (p *Playback) Register(svc *rpc.Service) {
	rpc.Action(svc, "getPlaybackContext", "Returns what of an entry may be played, where it is, and why not.", p.playback, rpc.For(rpc.WidgetSession))
	rpc.Action(svc, "getContextData", "Returns what players of before getPlaybackContext ask for.", p.contextData, rpc.For(rpc.WidgetSession))
}

// view is an entry as a request may play it.
type view struct {
	call     *rpc.Call
	entry    catalog.Entry
	assets   []catalog.Asset
	account  catalog.Account
	session  *ks.Session
	decision access.Decision
	params   kaltura.EntryContextDataParams
}

// view looks up the entry and decides about it.
func (p *Playback) view(c *rpc.Call, id string, params *kaltura.EntryContextDataParams) (*view, error) {
	e, err := access.Entry(c, p.Catalog, id, access.View)
	if err != nil {
		return nil, err
	}
	v := &view{call: c, entry: e, account: c.Account, session: c.Session}
	if params != nil {
		v.params = *params
	}
	if v.assets, err = p.Catalog.Assets(c, e.ID); err != nil {
		return nil, err
	}
	if flavor := kaltura.Value(v.params.FlavorAssetID); flavor != "" {
		if !slices.ContainsFunc(kaltura.FlavorsOf(e, v.assets), func(a catalog.Asset) bool { return string(a.ID) == flavor }) {
			return nil, rpc.E("FLAVOR_ASSET_ID_NOT_FOUND", "ID", flavor)
		}
	}
	if v.session, err = p.session(c, v.params.KS); err != nil {
		return nil, err
	}
	v.decision, err = p.Guard.Decide(c, e, v.request())
	return v, err
}

// session is the one that rules are evaluated with: the parameter's, or the call's.
func (p *Playback) session(c *rpc.Call, token *string) (*ks.Session, error) {
	if t := kaltura.Value(token); t != "" && (c.Session == nil || t != c.Session.Token) {
		s, err := p.Sessions.Open(c, t, ks.Origin{IP: c.ClientIP, URI: c.Request.URL.RequestURI()})
		if err != nil {
			return nil, err
		}
		if s.Account != c.AccountID() {
			return nil, rpc.E("INVALID_KS", "KSID", t, "ERR_CODE", "-2", "ERR_DESC", "INVALID_PARTNER")
		}
		return s, nil
	}
	return c.Session, nil
}

// request is what rules see. Only administrators may say that they ask from elsewhere, with another player, or at another
// time; where the player stands, everybody must say.
func (v *view) request() *access.Request {
	c, p := v.call, &v.params
	r := &access.Request{Session: v.session, IP: c.ClientIP, Now: c.Now, Referrer: kaltura.Value(p.Referrer), Contexts: []access.Context{access.Play}}
	if c.Request != nil {
		r.UserAgent, r.Header = c.Request.UserAgent(), c.Request.Header
		if r.Referrer == "" {
			r.Referrer = c.Request.Referer()
		}
	}
	for i, h := range p.Contexts {
		if i == 0 {
			r.Contexts = nil
		}
		r.Contexts = append(r.Contexts, access.Context(kaltura.Value(h.Type)))
	}
	if !c.Admin() {
		return r
	}
	if ip, err := netip.ParseAddr(kaltura.Value(p.IP)); err == nil {
		r.IP = ip.Unmap()
	}
	if p.UserAgent != nil {
		r.UserAgent = *p.UserAgent
	}
	if p.Time != nil && *p.Time > 0 {
		r.Now = kaltura.Moment(p.Time)
	}
	return r
}

func (p *Playback) playback(c *rpc.Call, in struct {
	EntryID string                          `k:"entryId" ref:"entry"`
	Params  *kaltura.PlaybackContextOptions `k:"contextDataParams" required:"true"`
}) (*kaltura.PlaybackContext, error) {
	v, err := p.view(c, in.EntryID, &in.Params.EntryContextDataParams)
	if err != nil {
		return nil, err
	}
	out := &kaltura.PlaybackContext{
		Sources: []*kaltura.PlaybackSource{}, FlavorAssets: []*kaltura.FlavorAsset{}, PlaybackCaptions: v.captions(),
		Actions: kaltura.RuleActions(v.decision.Actions), Messages: v.messages(), BumperData: []*kaltura.Bumper{},
	}
	if v.refused() {
		return out, nil
	}
	used := map[catalog.AssetID]bool{}
	for _, f := range v.formats() {
		if s := v.source(f, used); s != nil {
			out.Sources = append(out.Sources, s)
		}
	}
	out.FlavorAssets = v.flavors(used)
	return out, nil
}

// refused says whether there is nothing to play for this request.
func (v *view) refused() bool {
	widget := v.session == nil || v.session.Widget()
	return !v.decision.Entitled || v.decision.Blocked() || !v.decision.Scheduled && widget || !sources.Playable(v.entry, v.account)
}

// formats are those that the client asks for; all without a word from it.
func (v *view) formats() []sources.Format {
	all := []sources.Format{sources.HLS, sources.DASH, sources.HTTP}
	asked := kaltura.List(kaltura.Value(v.params.StreamerType))
	if len(asked) == 0 || slices.Contains(asked, "auto") {
		return all
	}
	return slices.DeleteFunc(all, func(f sources.Format) bool {
		return !slices.ContainsFunc(asked, func(name string) bool {
			g, ok := sources.ParseFormat(name)
			return ok && (g == f || f == sources.HTTP && g == sources.URL)
		})
	})
}

// protocols that every source is offered by.
const protocols = "http,https"

// source is the entry in a format; nil when it has none, or may not be had so.
func (v *view) source(f sources.Format, used map[catalog.AssetID]bool) *kaltura.PlaybackSource {
	profile := f.DeliveryProfile()
	if !v.decision.AllowsDeliveryProfile(profile) {
		return nil
	}
	protocol := "https"
	if asked := kaltura.List(kaltura.Value(v.params.MediaProtocol)); len(asked) > 0 {
		offered := slices.DeleteFunc(strings.Split(protocols, ","), func(p string) bool { return !slices.Contains(asked, p) })
		if len(offered) == 0 {
			return nil
		}
		protocol = offered[len(offered)-1]
	}
	choice := sources.Choice{Verdict: &v.decision.Verdict, Modern: true, Tags: kaltura.List(kaltura.Value(v.params.FlavorTags))}
	if one := kaltura.Value(v.params.FlavorAssetID); one != "" {
		choice.Flavors = []string{one}
	}
	selection := sources.Select(v.entry, v.assets, f, choice)
	var ids []string
	for _, a := range slices.Concat(selection.Flavors, selection.Sounds) {
		ids, used[a.ID] = append(ids, string(a.ID)), true
	}
	if len(selection.Flavors) == 0 {
		return nil
	}
	suffix := map[sources.Format]string{sources.HLS: "applehttp/a.m3u8", sources.DASH: "mpegdash/manifest.mpd"}[f]
	if suffix == "" {
		best, _ := selection.Best(choice)
		suffix = "url/name/a." + kaltura.FileExt(best)
	}
	list := strings.Join(ids, ",")
	url := v.call.Base + sources.Partner(v.entry.Account) + "/playManifest/entryId/" + string(v.entry.ID) + "/flavorIds/" + list +
		"/deliveryProfileId/" + profile + "/protocol/" + protocol + "/format/" + suffix
	return &kaltura.PlaybackSource{
		DeliveryProfileID: new(profile), Format: new(string(f)), Protocols: new(protocols), FlavorIDs: new(list), URL: new(url), DRM: []*kaltura.DrmPlaybackPluginData{},
	}
}

// flavors are the finished ones that a source uses.
func (v *view) flavors(used map[catalog.AssetID]bool) []*kaltura.FlavorAsset {
	out := []*kaltura.FlavorAsset{}
	for _, f := range kaltura.Flavors(v.entry, v.assets) {
		if used[catalog.AssetID(*f.ID)] && *f.Status == kaltura.FlavorAssetStatus(catalog.AssetReady) {
			out = append(out, f)
		}
	}
	return out
}

// captions are those that players show.
func (v *view) captions() []*kaltura.CaptionPlaybackPluginData {
	out := []*kaltura.CaptionPlaybackPluginData{}
	for _, a := range v.assets {
		if a.Type != catalog.AssetCaption || a.Status != catalog.AssetReady || a.Details.Hidden || a.Version != v.entry.Version {
			continue
		}
		version := "/version/" + strconv.Itoa(a.Version+a.Revision)
		service := v.call.Base + "/api_v3/index.php/service/caption_captionasset/action/"
		label := a.Title
		if label == "" {
			label = kaltura.LanguageName(a.Language)
		}
		out = append(out, &kaltura.CaptionPlaybackPluginData{
			Label: new(label), Format: new(kaltura.CaptionType(kaltura.CaptionFormat(a))), Language: new(kaltura.LanguageName(a.Language)),
			LanguageCode: new(a.Language), IsDefault: kaltura.Bool(a.Default),
			URL:       new(service + "serve/captionAssetId/" + string(a.ID) + version),
			WebVttURL: new(service + "serveWebVTT/captionAssetId/" + string(a.ID) + "/segmentIndex/-1" + version + "/captions.vtt"),
		})
	}
	return out
}

func (v *view) messages() []*kaltura.AccessControlMessage {
	out := []*kaltura.AccessControlMessage{}
	for _, m := range v.said() {
		out = append(out, &kaltura.AccessControlMessage{Code: new(m.Code), Message: new(m.Text)})
	}
	return out
}

// said are the messages of the rules, and of the schedule.
func (v *view) said() []access.Message {
	list := v.decision.Messages
	if !v.decision.Scheduled {
		list = append(list[:len(list):len(list)], access.Message{Code: access.ScheduledRestricted, Text: "Not available at this time"})
	}
	return list
}

func (p *Playback) contextData(c *rpc.Call, in struct {
	EntryID string                          `k:"entryId" ref:"entry"`
	Params  *kaltura.EntryContextDataParams `k:"contextDataParams" required:"true"`
}) (*kaltura.EntryContextDataResult, error) {
	v, err := p.view(c, in.EntryID, in.Params)
	if err != nil {
		return nil, err
	}
	blocked := func(kinds ...string) *bool {
		return new(slices.ContainsFunc(v.decision.Restrictions, func(k string) bool { return slices.Contains(kinds, k) }))
	}
	actions := kaltura.RuleActions(v.decision.Actions)
	out := &kaltura.EntryContextDataResult{
		IsSiteRestricted: blocked(access.Site), IsCountryRestricted: blocked(access.Country, access.GeoDistance),
		IsSessionRestricted:   blocked(access.Authenticated, access.SessionType),
		IsIPAddressRestricted: blocked(access.IPAddress, access.AnonymousIP), IsUserAgentRestricted: blocked(access.UserAgent),
		PreviewLength: new(-1), IsScheduledNow: new(v.decision.Scheduled), IsAdmin: new(c.Admin()), StorageProfilesXML: new(""),
		StreamerType: kaltura.Opt(kaltura.Value(v.params.StreamerType)), MediaProtocol: kaltura.Opt(kaltura.Value(v.params.MediaProtocol)),
		MsDuration: new(v.entry.DurationMS), FlavorAssets: []*kaltura.FlavorAsset{}, AccessControlActions: actions, PluginData: map[string]*kaltura.PluginData{},
	}
	out.Actions, out.Messages, out.AccessControlMessages = actions, []*kaltura.String{}, []*kaltura.String{}
	if d := v.decision.Preview(); d > 0 {
		out.PreviewLength = new(int(d.Seconds()))
	}
	for _, m := range v.said() {
		out.Messages = append(out.Messages, &kaltura.String{Value: new(m.Text)})
		out.AccessControlMessages = append(out.AccessControlMessages, &kaltura.String{Value: new(m.Text)})
	}
	if v.refused() {
		return out, nil
	}
	used := map[catalog.AssetID]bool{}
	for _, f := range v.formats() {
		v.source(f, used)
	}
	if out.FlavorAssets = v.flavors(used); len(out.FlavorAssets) > 0 && out.StreamerType == nil {
		out.StreamerType, out.MediaProtocol = new(string(sources.HTTP)), new("http")
	}
	return out, nil
}
