package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin"
	"github.com/firstbyte-dev/firstbyte/refproxy/control"
	"github.com/firstbyte-dev/firstbyte/refproxy/store"
)

func newResetPasswordCmd() *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "reset-password",
		Short: "Make a new password for the control panel, and print it once",
		Long: `Reset-password is for who has lost the control panel's password and can write to
the proxy's store. It makes a new password, prints it once and ends all sessions.
A proxy that runs with the same store goes on and takes the new password at once.`,
		Example: "  firstbyte proxy reset-password --store sqlite:/var/lib/firstbyte/proxy.db",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return resetPassword(cmd, url, cmd.OutOrStdout()) },
	}
	cmd.Flags().StringVar(&url, "store", "", "the proxy's store: sqlite:PATH or postgres://... (default: the file that proxy --admin makes in the user's configuration folder)")
	return cmd
}

func resetPassword(cmd *cobra.Command, url string, out io.Writer) (err error) {
	if url == "" {
		if url, err = ownStore(); err != nil {
			return fmt.Errorf("no store was named (add --store): %w", err)
		}
	}
	if path, isFile := strings.CutPrefix(url, sqliteScheme); isFile { // which Open would make
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("no store to reset a password in (name the proxy's with --store): %w", err)
		}
	}
	s, err := store.Open(cmd.Context(), url, nil) // no secret is read
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	password, err := admin.ResetPassword(cmd.Context(), control.Accounts{Store: s})
	if errors.Is(err, admin.ErrUnknown) {
		return errors.New("there is no password in this store yet: firstbyte proxy --admin makes one, and prints it, when it first starts with the store")
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "control panel: password: %s (shown once; all sessions have ended)\n", password)
	return err
}
