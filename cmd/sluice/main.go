package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if code, ok := child(); ok {
		os.Exit(code)
	}
	os.Exit(run(os.Args[1:]))
}

// run carries out a command line and returns the exit code. The first interrupt asks the command to stop; a second one
// ends the process at once.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	cmd := newRoot()
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "sluice: interrupted")
		return exitInterrupted
	}
	fmt.Fprintln(os.Stderr, "sluice:", err)
	return exitCode(err)
}
