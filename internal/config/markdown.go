package config

import (
	"fmt"
	"strings"
)

// Markdown is docs/configuration.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Configuration

A value is taken from the first of these that has it: the command-line flag, the environment variable, the YAML file
(` + "`--config FILE`, `SLUICE_CONFIG`, else `sluice.yaml`" + ` in the working directory), the default. A wrong value or an unknown key is
refused at start, by name. Durations are written like ` + "`30s`, `5m`, `1h30m`" + `; numbers may end in K, M, G or T (powers of 1024); lists are
comma-separated on the command line and in the environment. In YAML the part before the dot is the section:

` + "```yaml\nhttp:\n  listen: 127.0.0.1:8080\nworker:\n  roles: [api, feeder]\n```" + `

| Key | Flag | Environment | Kind | Default | Meaning |
| --- | --- | --- | --- | --- | --- |
`)
	for _, o := range Options {
		kind, def := o.Kind(), o.DefaultText()
		if o.Unit != "" {
			kind += ", " + o.Unit
		}
		if def != "" {
			def = "`" + def + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `--%s` | `%s` | %s | %s | %s |\n", o.Key, o.Flag(), o.Env(), kind, def, o.Help)
	}
	return b.String()
}
