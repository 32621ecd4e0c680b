package main

import (
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/calibrate"
	"github.com/firstbyte-dev/firstbyte/bench/load"
)

const calibrateServeHelp = `Serves ground truth until it is stopped: every POST gets an answer in the form of
the Anthropic Messages API, whose events are written one by one at planned
instants. It speaks HTTP/1.1 and h2c. GET /truth tells, as JSON, when each event
was written (nanoseconds of the machine's monotonic clock) and forgets it, for
"firstbyte calibrate --against" on the same machine. The first line of the output
names its URL and process, as JSON.`

func newCalibrateServeCmd() *cobra.Command {
	var pace calibrate.Pace
	var listen string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve ground truth to other processes of this machine",
		Long:  calibrateServeHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if pace.Events < 2 || pace.Gap < 0 || pace.First < 0 {
				return errors.New("--events, --gap and --first: at least 2 events, and no negative time")
			}
			server, err := calibrate.Serve(cmd.Context(), listen, pace, load.HTTP1)
			if err != nil {
				return err
			}
			defer server.Close()
			if err := json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"ready": true, "url": server.URL(), "pid": os.Getpid()}); err != nil {
				return err
			}
			<-cmd.Context().Done()
			return nil
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&listen, "listen", "127.0.0.1:0", "address to listen on")
	fs.IntVar(&pace.Events, "events", 20, "content events of an answer")
	fs.DurationVar(&pace.Gap, "gap", 2*time.Millisecond, "between content events")
	fs.DurationVar(&pace.First, "first", 2*time.Millisecond, "from the headers to the first content event")
	return cmd
}
