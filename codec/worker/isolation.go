package worker

import (
	"maps"
	"slices"
)

// Isolation is how far the kernel let a Pool cage its children. It is part of the health report.
type Isolation struct {
	// Level sums up: "full" when a compromised child can neither open files or sockets nor start programs, and its resources
	// are bounded; "partial" when some of that holds; "none".
	Level string `json:"level"`

	NoNewPrivs  bool `json:"no_new_privs"`
	Seccomp     bool `json:"seccomp"`
	Landlock    int  `json:"landlock_abi"` // 0: none
	UserNS      bool `json:"user_namespace"`
	NetNS       bool `json:"network_namespace"`
	Rlimits     bool `json:"rlimits"`
	Cgroup      bool `json:"cgroup"` // else memory is watched by polling
	ParentDeath bool `json:"parent_death"`
	// Missing says why something is not there, by the JSON name above; "start" when no child ever started.
	Missing map[string]string `json:"missing,omitempty"`
}

// level sums up the rest for the field Level.
func (i Isolation) level() string {
	switch {
	case i.Seccomp && i.NoNewPrivs && i.Rlimits && (i.Landlock > 0 || i.NetNS):
		return "full"
	case i.Seccomp || i.Landlock > 0 || i.NetNS || i.Rlimits:
		return "partial"
	}
	return "none"
}

// miss records why name is not applied; the first reason stays.
func (i *Isolation) miss(name string, err error) {
	if i.Missing == nil {
		i.Missing = map[string]string{}
	}
	if _, ok := i.Missing[name]; !ok {
		i.Missing[name] = err.Error()
	}
}

func (i Isolation) clone() Isolation {
	i.Missing = maps.Clone(i.Missing)
	return i
}

// Mechanisms lists what is in force, by JSON name.
func (i Isolation) Mechanisms() []string {
	var on []string
	for _, m := range []struct {
		name string
		on   bool
	}{
		{"no_new_privs", i.NoNewPrivs}, {"seccomp", i.Seccomp}, {"landlock", i.Landlock > 0}, {"user_namespace", i.UserNS},
		{"network_namespace", i.NetNS}, {"rlimits", i.Rlimits}, {"cgroup", i.Cgroup}, {"parent_death", i.ParentDeath},
	} {
		if m.on {
			on = append(on, m.name)
		}
	}
	return on
}

// Lacking lists what is missing, sorted; Missing has the reasons.
func (i Isolation) Lacking() []string { return slices.Sorted(maps.Keys(i.Missing)) }
