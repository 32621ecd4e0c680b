package main

import (
	"crypto/x509"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/bench/load"
)

// transportFlags say how requests travel.
type transportFlags struct {
	protocol    string
	connections int
	caFile      string
}

func (f *transportFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.protocol, "protocol", string(load.HTTP1), "http/1.1, h2 (HTTP/2 over TLS) or h2c (without TLS)")
	fs.IntVar(&f.connections, "connections", 0, "connections that HTTP/2 streams are dealt to in turn (default: 1)")
	fs.StringVar(&f.caFile, "ca-file", "", "PEM file of the authorities that sign the targets' certificates (default: whom the system trusts)")
}

func (f *transportFlags) transport() (load.Transport, error) {
	t := load.Transport{Protocol: load.Protocol(f.protocol), Connections: f.connections}
	if f.caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(f.caFile)
	if err != nil {
		return t, fmt.Errorf("--ca-file: %w", err)
	}
	if t.Roots = x509.NewCertPool(); !t.Roots.AppendCertsFromPEM(pem) {
		return t, fmt.Errorf("--ca-file: no PEM certificate in %s", f.caFile)
	}
	return t, nil
}
