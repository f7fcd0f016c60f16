package gateway

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// maxCommand bounds a command line.
const maxCommand = 64 << 10

// exec answers the commands by which clients compare files (md5sum, sha1sum, sha256sum, sha512sum), and scp. No shell is involved.
func (c *sshConn) exec(ch ssh.Channel, line string) {
	c.s.touch()
	words, err := words(line)
	if err == nil && len(words) > 1 && words[0] == "scp" {
		c.exit(ch, c.serveSCP(ch, words[1:]))
		return
	}
	kind := ""
	if err == nil && len(words) > 1 {
		kind, _ = strings.CutSuffix(words[0], "sum")
	}
	if kind == "" || kind == words[0] || sums[kind] == nil {
		fmt.Fprintln(ch.Stderr(), "this server runs md5sum, sha1sum, sha256sum, sha512sum and scp, and nothing else")
		c.exit(ch, 127)
		return
	}
	status := uint32(0)
	for _, p := range words[1:] {
		if p == "-b" || p == "--" || p == "-t" {
			continue
		}
		sum, err := c.s.sum(c.ctx, p, kind, 0, -1)
		if err != nil {
			fmt.Fprintf(ch.Stderr(), "%s: %v\n", words[0], err)
			status = 1
			continue
		}
		fmt.Fprintf(ch, "%s  %s\n", sum, p)
	}
	c.exit(ch, status)
}

// words splits a command line as a shell does, with quotes and backslashes and nothing else of a shell.
func words(line string) ([]string, error) {
	if len(line) > maxCommand {
		return nil, errors.New("command too long")
	}
	var out []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	escaped := false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if inWord {
				out = append(out, word.String())
				word.Reset()
			}
			inWord = false
		case strings.ContainsRune("|&;<>()$`*?[#~", r):
			return nil, fmt.Errorf("%q is not understood", r)
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote is not closed")
	}
	if inWord {
		out = append(out, word.String())
	}
	return out, nil
}
