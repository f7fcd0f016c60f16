package rpc

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Registry holds services, actions, classes and enums. It is filled at start and read-only afterwards.
type Registry struct {
	services map[string]*Service // by lower-case wire name
	classes  map[string]*class   // by lower-case wire name
	bases    map[reflect.Type]*class
	byType   map[reflect.Type]*class
	enums    map[string]*Enum  // by wire name
	listed   map[string]string // names of list responses that are not the class's own, by class

	lists map[string]*action // list actions by the lower-case name of their filter's class

	mu      sync.Mutex // held while the next three change
	plans   map[reflect.Type]*plan
	codecs  map[codecKey]*codec
	filters map[reflect.Type]*filterPlan
	ready   sync.Map // reflect.Type → *codec: codecs of dynamic types, for many at once
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	return &Registry{
		services: map[string]*Service{}, classes: map[string]*class{}, bases: map[reflect.Type]*class{}, byType: map[reflect.Type]*class{},
		enums: map[string]*Enum{}, listed: map[string]string{}, lists: map[string]*action{}, plans: map[reflect.Type]*plan{}, codecs: map[codecKey]*codec{}, filters: map[reflect.Type]*filterPlan{},
	}
}

// Service is a named group of actions.
type Service struct {
	Name    string // as clients write it: media, caption_captionAsset
	Doc     string
	actions map[string]*action
	reg     *Registry
}

// Service adds a service. Names are compared without case; plugin services are called plugin_service.
func (r *Registry) Service(name, doc string) *Service {
	key := strings.ToLower(name)
	if r.services[key] != nil {
		panic("rpc: service " + name + " is registered twice")
	}
	s := &Service{Name: name, Doc: doc, actions: map[string]*action{}, reg: r}
	r.services[key] = s
	return s
}

// Extend returns a service that another package added, so that an action that belongs to it by name may live elsewhere.
func (r *Registry) Extend(name string) *Service {
	s := r.services[strings.ToLower(name)]
	if s == nil {
		panic("rpc: no service " + name + " to extend")
	}
	return s
}

// Access says who may call an action.
type Access int

// Who may call an action. Widget sessions and sessions with a role are further restricted by what their role permits.
const (
	// AnySession is the default: every valid session except a widget's.
	AnySession Access = iota
	// Public needs neither session nor account.
	Public
	// Anonymous needs an account: a session of any kind, or a partnerId.
	Anonymous
	// WidgetSession is AnySession, and widget sessions too.
	WidgetSession
	// AdminSession needs an administrator's session, or a role that permits the action explicitly.
	AdminSession
)

type action struct {
	name    string
	doc     string
	access  Access
	service *Service
	in, out reflect.Type
	params  *plan // of in
	result  *codec
	call    func(*Call, reflect.Value) (any, error)
}

// Option sets something about an action.
type Option func(*action)

// For says who may call the action.
func For(a Access) Option { return func(act *action) { act.access = a } }

// Action registers fn as an action of s. In is a struct whose fields are the parameters:
//
//	k:"entryId" ref:"entry"       a required parameter (a value type), the id of an entry
//	k:"version" default:"-1"      an optional one
//	k:"entry" for:"add"           an object to be added: read-only fields are refused (for:"update": insert-only ones too)
//	k:"filter"                    pointers, interfaces, slices and maps are optional: nil when not sent; with
//	                              required:"true" they are not
//
// Objects are pointers to classes or interface types of Base, files *Upload. Out is a class, *List[T], a slice,
// a map, a scalar, *File, or Void.
//
// Every parameter that identifies an object of the account has a ref tag naming its kind (entry, flavorAsset,
// captionAsset, uploadToken, …): the isolation test tries other accounts' ids on it.
func Action[In, Out any](s *Service, name, doc string, fn func(*Call, In) (Out, error), opts ...Option) {
	a := &action{
		name: name, doc: doc, service: s, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		call: func(c *Call, v reflect.Value) (any, error) {
			in, ok := v.Interface().(In)
			if !ok {
				return nil, fmt.Errorf("%s.%s: decoded %s", s.Name, name, v.Type())
			}
			return fn(c, in)
		},
	}
	for _, o := range opts {
		o(a)
	}
	key := strings.ToLower(name)
	if s.actions[key] != nil {
		panic("rpc: action " + s.Name + "." + name + " is registered twice")
	}
	s.actions[key] = a
}

// Void is the result of actions without one.
type Void struct{}

// None is the input of actions without parameters.
type None struct{}

// class is what the registry knows of a wire class.
type class struct {
	name     string
	typ      reflect.Type // the struct
	abstract bool
	extras   []string
	searched bool // its filter takes advancedSearch
}

// Classes adds classes by example: pointers to zero values. Classes that appear as concrete types in actions need not be
// added; those that requests choose by objectType where an interface is declared must be.
func (r *Registry) Classes(examples ...Class) {
	for _, e := range examples {
		r.addClass(reflect.TypeOf(e).Elem(), false)
	}
}

// Abstract adds classes that no request may instantiate.
func (r *Registry) Abstract(examples ...Class) {
	for _, e := range examples {
		r.addClass(reflect.TypeOf(e).Elem(), true)
	}
}

// Base declares the class that interface type I stands for: what a request gets that names no objectType, or an unknown
// one, where I is declared. The classes that may be named are the added ones that implement I.
func Base[I any](r *Registry, example Class) {
	t := reflect.TypeFor[I]()
	if t.Kind() != reflect.Interface || !reflect.TypeOf(example).Implements(t) {
		panic(fmt.Sprintf("rpc: %T is no %s", example, t))
	}
	r.bases[t] = r.addClass(reflect.TypeOf(example).Elem(), r.isAbstract(reflect.TypeOf(example).Elem()))
}

func (r *Registry) isAbstract(t reflect.Type) bool {
	c := r.byType[t]
	return c != nil && c.abstract
}

func (r *Registry) addClass(t reflect.Type, abstract bool) *class {
	if c := r.byType[t]; c != nil {
		c.abstract = c.abstract || abstract
		return c
	}
	c := &class{name: "Kaltura" + t.Name(), typ: t, abstract: abstract}
	if old := r.classes[strings.ToLower(c.name)]; old != nil {
		panic(fmt.Sprintf("rpc: %s and %s are both %s", old.typ, t, c.name))
	}
	r.classes[strings.ToLower(c.name)], r.byType[t] = c, c
	return c
}

// ListsOf names the responses that list class T where the protocol calls them otherwise than the class:
// ListsOf[MediaEntry](r, "KalturaMediaListResponse"). It goes before the actions.
func ListsOf[T any](r *Registry, name string) { r.listed[r.elementName(reflect.TypeFor[T]())] = name }

// FilterExtras declares filter properties of T that no f tag gives, such as freeText.
func FilterExtras[T any](r *Registry, names ...string) {
	c := r.addClass(reflect.TypeFor[T](), r.isAbstract(reflect.TypeFor[T]()))
	c.extras = append(c.extras, names...)
	slices.Sort(c.extras)
}

// Searched says that filters of T take advancedSearch: those of other classes refuse it.
func Searched[T any](r *Registry) {
	r.addClass(reflect.TypeFor[T](), r.isAbstract(reflect.TypeFor[T]())).searched = true
}

// Merge copies what the request sent in src onto dst, both of one class: set fields are copied, cleared ones become
// null. It is how an update changes only what was sent.
func Merge(dst, src Class) {
	merge(reflect.ValueOf(dst).Elem(), reflect.ValueOf(src).Elem(), src.object())
}

func merge(dst, src reflect.Value, o *Object) {
	t := src.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			if f.Type != reflect.TypeFor[Object]() {
				merge(dst.Field(i), src.Field(i), o)
			}
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("k"), ",")
		switch {
		case name == "" || !f.IsExported():
		case o.Cleared(name):
			dst.Field(i).SetZero()
		case !src.Field(i).IsZero():
			dst.Field(i).Set(src.Field(i))
		}
	}
}
