package worker

import (
	"errors"
	"log/slog"
	"testing"
)

// TestOneSpareIsStartedAtATime: those who want one while it starts wait for that, and what failed to start is tried again.
func TestOneSpareIsStartedAtATime(t *testing.T) {
	starting, goOn := make(chan struct{}), make(chan struct{})
	p := New(Config{NoSpare: true, Log: slog.New(slog.DiscardHandler), Program: func() (string, error) {
		starting <- struct{}{}
		<-goOn
		return "", errors.New("there is none")
	}})
	for range 2 {
		p.warm(classJob)
		<-starting
		for range 10 {
			p.warm(classJob) // one more start would wait for ever
		}
		goOn <- struct{}{}
		p.work.Wait()
	}
	p.Close()
}
