package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Config is a checked configuration.
type Config struct {
	values map[string]any
	origin map[string]string
}

// AddFlags adds --config and a flag for every option to fs.
func AddFlags(fs *pflag.FlagSet) {
	fs.String("config", "", "configuration file (YAML); default sluice.yaml in the working directory, if there")
	for _, o := range Options {
		help := o.Help + " [" + o.Env() + "]"
		fs.String(o.Flag(), "", help)
		fs.Lookup(o.Flag()).DefValue = o.DefaultText()
	}
}

// DefaultText is the default as it would be written on the command line.
func (o Option) DefaultText() string { return text(o.Default) }

func text(v any) string {
	if l, ok := v.([]string); ok {
		return strings.Join(l, ",")
	}
	return fmt.Sprint(v)
}

// Load reads the configuration: flags that were set, then the environment, then the file, then defaults. All errors are
// reported together, each by the option's name and where its value came from.
func Load(flags *pflag.FlagSet) (*Config, error) {
	path, must := "sluice.yaml", false
	if f := flags.Lookup("config"); f != nil && f.Changed {
		path, must = f.Value.String(), true
	} else if v := os.Getenv("SLUICE_CONFIG"); v != "" {
		path, must = v, true
	}
	c := &Config{values: map[string]any{}, origin: map[string]string{}}
	raw := map[string]any{}
	take := func(k *koanf.Koanf, origin string) {
		for key, v := range k.All() {
			raw[key] = v
			c.origin[key] = origin
		}
	}
	defaults := koanf.New(".")
	all := map[string]any{}
	for _, o := range Options {
		all[o.Key] = o.Default
	}
	if err := defaults.Load(confmap.Provider(all, "."), nil); err != nil {
		return nil, err
	}
	take(defaults, "default")
	var errs []error
	if fk, err := loadFile(path, must); err != nil {
		errs = append(errs, err)
	} else if fk != nil {
		take(fk, path)
	}
	ek, err := loadEnv()
	if err != nil {
		errs = append(errs, err)
	}
	take(ek, "environment")
	flags.VisitAll(func(f *pflag.Flag) {
		if o, ok := byFlag(f.Name); ok && f.Changed {
			raw[o.Key], c.origin[o.Key] = f.Value.String(), "--"+f.Name
		}
	})
	errs = append(errs, c.fill(raw)...)
	return c, errors.Join(errs...)
}

func loadFile(path string, must bool) (*koanf.Koanf, error) {
	k := koanf.New(".")
	err := k.Load(file.Provider(path), yaml.Parser())
	if errors.Is(err, fs.ErrNotExist) && !must {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("configuration file %q: %w", path, err)
	}
	return k, nil
}

func loadEnv() (*koanf.Koanf, error) {
	k := koanf.New(".")
	err := k.Load(env.Provider(".", env.Opt{
		Prefix: "SLUICE_",
		TransformFunc: func(name, value string) (string, any) {
			room, rest, ok := strings.Cut(strings.ToLower(strings.TrimPrefix(name, "SLUICE_")), "_")
			if !ok { // SLUICE_CONFIG, SLUICE_MEDIA and what commands of clients read: options have two words
				return "", nil
			}
			return room + "." + rest, value
		},
	}), nil)
	return k, err
}

func byFlag(name string) (Option, bool) {
	i := slices.IndexFunc(Options, func(o Option) bool { return o.Flag() == name })
	if i < 0 {
		return Option{}, false
	}
	return Options[i], true
}

func (c *Config) fill(raw map[string]any) []error {
	var errs []error
	known := map[string]bool{}
	for _, o := range Options {
		known[o.Key] = true
		v, err := convert(raw[o.Key], o.Default)
		if err == nil && o.check != nil {
			err = o.check(v)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s (from %s): %w", o.Key, c.origin[o.Key], err))
		}
		c.values[o.Key] = v
	}
	for key := range raw {
		if !known[key] {
			errs = append(errs, fmt.Errorf("%s (from %s): no such option", key, c.origin[key]))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}

// convert turns what a source gave into the type of def.
func convert(v, def any) (any, error) {
	if reflect.TypeOf(v) == reflect.TypeOf(def) {
		return v, nil
	}
	switch def.(type) {
	case []string:
		return toList(v)
	case string:
		if _, isMap := v.(map[string]any); isMap {
			return "", errors.New("want text")
		}
		return fmt.Sprint(v), nil
	}
	s := strings.TrimSpace(fmt.Sprint(v))
	switch def.(type) {
	case int64:
		n, err := parseSize(s)
		if err != nil {
			return int64(0), fmt.Errorf("%q is not a whole number", s)
		}
		return n, nil
	case bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return false, fmt.Errorf("%q is neither true nor false", s)
		}
		return b, nil
	case time.Duration:
		d, err := time.ParseDuration(s)
		if err != nil {
			return time.Duration(0), fmt.Errorf("%q is not a duration such as 30s or 5m", s)
		}
		return d, nil
	}
	return def, fmt.Errorf("unsupported kind %T", def)
}

func toList(v any) ([]string, error) {
	var list []string
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			list = append(list, fmt.Sprint(x))
		}
	case string:
		for s := range strings.SplitSeq(v, ",") {
			if s = strings.TrimSpace(s); s != "" {
				list = append(list, s)
			}
		}
	case nil:
	default:
		return nil, fmt.Errorf("%v is not a list", v)
	}
	return list, nil
}

// parseSize reads a whole number with an optional binary suffix: 512M, 10G.
func parseSize(s string) (int64, error) {
	shift := 0
	if s != "" {
		if i := strings.IndexByte("KMGT", s[len(s)-1]&^0x20); i >= 0 {
			shift, s = 10*(i+1), s[:len(s)-1]
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, err
	}
	if n > (1<<62)>>shift || n < -(1<<62)>>shift {
		return 0, strconv.ErrRange
	}
	return n << shift, nil
}

// Text returns a text option. Like Int, Bool, Duration and List it panics on a key that is not in Options: a bug.
func (c *Config) Text(key string) string { return get[string](c, key) }

// Int returns a number.
func (c *Config) Int(key string) int64 { return get[int64](c, key) }

// Bool returns a switch.
func (c *Config) Bool(key string) bool { return get[bool](c, key) }

// Duration returns a duration.
func (c *Config) Duration(key string) time.Duration { return get[time.Duration](c, key) }

// List returns a list.
func (c *Config) List(key string) []string { return get[[]string](c, key) }

func get[T any](c *Config, key string) T {
	v, ok := c.values[key].(T)
	if !ok {
		panic("config: no option " + key + " of this kind")
	}
	return v
}

// Data returns a path in the data directory.
func (c *Config) Data(elem ...string) string {
	return filepath.Join(append([]string{c.Text("data.dir")}, elem...)...)
}

// InboxDir is the watched directory.
func (c *Config) InboxDir() string {
	if d := c.Text("inbox.dir"); d != "" {
		return d
	}
	return c.Data("inbox")
}

// Origin says where the value of key came from: "default", "environment", a file or a flag.
func (c *Config) Origin(key string) string { return c.origin[key] }

// Row is one option as it stands.
type Row struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	From  string `json:"from"`
	Flag  string `json:"flag"`
	Env   string `json:"env"`
}

// Describe lists every option; the values of secrets are masked.
func (c *Config) Describe() []Row {
	rows := make([]Row, 0, len(Options))
	for _, o := range Options {
		v := text(c.values[o.Key])
		if o.Secret && v != "" {
			v = "(hidden)"
		}
		rows = append(rows, Row{Key: o.Key, Value: v, From: c.origin[o.Key], Flag: o.Flag(), Env: o.Env()})
	}
	return rows
}
