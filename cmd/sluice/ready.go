//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/config"
)

func readyCommand() *cobra.Command {
	var wait time.Duration
	var pid int
	cmd := &cobra.Command{
		Use:   "ready",
		Short: "Report whether the server answers, or wait until it does",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), max(wait, 2*time.Second))
			defer cancel()
			for {
				err := askReady(ctx, cfg)
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "sluice answers at %s\n", baseURL(cfg))
					return nil
				}
				if wait == 0 || ctx.Err() != nil {
					return unavailableError{fmt.Errorf("no sluice server at %s: %w", baseURL(cfg), err)}
				}
				if pid > 0 && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
					return unavailableError{fmt.Errorf("the server, process %d, has ended", pid)}
				}
				select {
				case <-ctx.Done():
				case <-time.After(100 * time.Millisecond):
				}
			}
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "how long to wait for the server")
	cmd.Flags().IntVar(&pid, "pid", 0, "give up when this process has ended")
	return cmd
}

// askReady calls the server's readiness probe.
func askReady(ctx context.Context, cfg *config.Config) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+dialAddress(cfg)+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", body)
	}
	return nil
}

// dialAddress is where a client on this machine reaches the server.
func dialAddress(cfg *config.Config) string {
	host, port, err := net.SplitHostPort(cfg.Text("http.listen"))
	if err != nil {
		return cfg.Text("http.listen")
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// baseURL is where players reach the server.
func baseURL(cfg *config.Config) string {
	if u := cfg.Text("http.public_url"); u != "" {
		return u
	}
	return "http://" + dialAddress(cfg)
}
