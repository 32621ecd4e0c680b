package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	recording "github.com/firstbyte-dev/firstbyte/bench/record"
)

// recordDrain is how long answers under way may go on when the recording ends.
const recordDrain = 10 * time.Second

// serve passes requests on until the command is told to stop.
func (f *recordFlags) serve(cmd *cobra.Command, handler http.Handler) error {
	ctx := cmd.Context()
	if f.withParent {
		ctx = untilEOF(ctx, cmd.InOrStdin())
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s (choose another --listen, or port 0 for a free one): %w", f.listen, errors.Unwrap(err))
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	said := map[string]any{"ready": true, "pid": os.Getpid(), "url": "http://" + l.Addr().String()}
	if err := json.NewEncoder(cmd.OutOrStdout()).Encode(said); err != nil {
		return errors.Join(fmt.Errorf("say that it is ready: %w", err), server.Close())
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordDrain)
	defer cancel()
	if server.Shutdown(drain) != nil {
		_ = server.Close() // what is still under way is cut, and recorded so
	}
	return nil
}

// sayRecorded tells what became of every request.
func sayRecorded(w io.Writer, r recording.Report) error {
	lines := []string{fmt.Sprintf("%d requests passed, %d recorded, %d distinct items", r.Passed, r.Recorded, r.Items)}
	for _, part := range []struct {
		what  string
		count map[string]int
	}{{"recorded changed", r.Changed}, {"not recorded", r.Left}} {
		for _, why := range slices.Sorted(maps.Keys(part.count)) {
			lines = append(lines, fmt.Sprintf("  %6d %s: %s", part.count[why], part.what, why))
		}
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}
